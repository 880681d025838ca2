# SPDX-License-Identifier: Apache-2.0
"""Abuse of the endpoint for minutes, all kinds at once, beside an honest client; prints what it came to.

Usage: run.py [MINUTES]. Exit status 1: the agent died, kept something, or did not serve the honest client."""

import random
import sys
import threading
import time
import unittest

import abuse
import vqtest
from honest import Client, Honest

CROWD, READERS, STORM_THREADS, CHURN_THREADS = 1000, 200, 4, 2


def describe(seconds):
    """Median, 99th percentile and maximum in milliseconds, and of how many."""
    at = lambda share: seconds[min(len(seconds) - 1, int(share * len(seconds)))] * 1000
    return f"{at(0.5):.1f} / {at(0.99):.1f} / {seconds[-1] * 1000:.1f} ms ({len(seconds)})" if seconds else "none"


class Soak(unittest.TestCase):
    MINUTES = 10.0

    def crowd(self, agent, seconds):
        """1,000 connections of all manners, that come anew once a minute."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            crowd = abuse.Crowd(agent.url, CROWD)
            readers = abuse.Crowd(agent.url, READERS, ["reads nothing"])
            until = min(end, time.monotonic() + 60)
            while time.monotonic() < until:
                crowd.trickle()
                self.stopped.wait(2)
            for one in (crowd, readers):
                one.close()

    def round(self, agent, seconds):
        honest = Honest(Client(agent.url), pause=0.25)
        crowd = threading.Thread(target=self.crowd, args=(agent, seconds), daemon=True)
        crowd.start()
        storm = abuse.Storm(agent.url, STORM_THREADS)
        churn = abuse.Background(lambda: abuse.churn(agent.url, random.Random()), CHURN_THREADS)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.stopped.wait(min(30.0, max(end - time.monotonic(), 0)))
            self.assertIsNone(agent.process.poll(), "the agent died")
            waited = honest.take()
            self.longest = max([self.longest, *waited])
            print(f"  {abuse.Usage(agent.process.pid)}; honest client {describe(waited)}", flush=True)
        scrapes, connections = storm.stop(), churn.stop()
        crowd.join(60)
        self.longest = max([self.longest, *honest.stop()])
        print(f"  {scrapes} scrapes of the storm, {connections} connections broken off", flush=True)

    def test_soak(self):
        self.assertTrue(abuse.allow_many_descriptors(), "the hard limit of descriptors is below 4096")
        self.stopped = threading.Event()
        agent = vqtest.Agent(self, f"--path.sysfs={abuse.guest_with_many_queues(self)}")
        self.longest = 0.0
        honest = Honest(Client(agent.url), pause=0.25)
        self.stopped.wait(5)
        print(f"an answer has {len(agent.get()[2])} bytes; honest client alone, median / p99 / max: {describe(honest.stop())}")
        before = abuse.Usage(agent.process.pid)
        print(f"before: {before}")
        half = self.MINUTES * 30
        self.round(agent, half)
        vqtest.wait_for(lambda: abuse.Usage(agent.process.pid).descriptors <= before.descriptors + 1, "quiet", 90)
        middle = abuse.Usage(agent.process.pid)
        print(f"at half-time, all clients gone: {middle}")
        self.round(agent, half)
        vqtest.wait_for(lambda: abuse.Usage(agent.process.pid).descriptors <= before.descriptors + 1, "quiet", 90)
        after = abuse.Usage(agent.process.pid)
        print(f"after: {after}")
        self.assertEqual(after.threads, before.threads)
        self.assertLess(self.longest, 1, "the honest client waited for longer than a second")
        self.assertLess(after.rss, middle.rss + (8 << 20), "memory is kept")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Soak.MINUTES = float(sys.argv.pop())
    vqtest.main()
