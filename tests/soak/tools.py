# SPDX-License-Identifier: Apache-2.0
"""How long an honest client waits beside slowhttptest, wrk and h2load, at and over the limit of connections.

Usage: tools.py [SECONDS of each]. Only this machine's loopback is a target, and every run is bounded in time and
connections. Exit status 1: the agent died or did not answer the honest client, or not within a second while others were
slow rather than many that scrape without a pause."""

import subprocess
import sys
import tempfile
import unittest
import urllib.parse

import abuse
import vqtest
from honest import Client, Honest

AT, OVER = 3800, 4090  # connections: all are let in; more than the agent may have
BUSY = 1000  # that scrape without a pause: each waits for its turn behind all the others


class Tools(unittest.TestCase):
    SECONDS = 20

    def setUp(self):
        vqtest.require("slowhttptest", "wrk", "h2load")
        self.assertTrue(abuse.allow_many_descriptors(8192), "the hard limit of descriptors is below 8192")
        self.agent = vqtest.Agent(self, "--web.listen-address=127.0.0.1:0")
        self.assertEqual(urllib.parse.urlparse(self.agent.url).hostname, "127.0.0.1")

    def measure(self, what, *command, bounded=True):
        honest = Honest(Client(self.agent.url), pause=0.1)
        cpu = abuse.cpu_seconds(self.agent.process.pid)
        with tempfile.TemporaryFile() as output:
            tool = subprocess.Popen([*map(str, command), self.agent.url], stdout=output, stderr=subprocess.STDOUT)
            self.addCleanup(tool.kill)
            tool.wait(self.SECONDS + 60)
        usage, cpu = abuse.Usage(self.agent.process.pid), abuse.cpu_seconds(self.agent.process.pid) - cpu
        seconds = honest.stop()
        refused = {labels["reason"]: int(value) for labels, value in
                   self.agent.scrape().all("vqscope_http_refused_total") if value}
        print(f"{what}: {len(seconds)} honest scrapes, median {seconds[len(seconds) // 2] * 1000:.0f} ms, longest "
              f"{seconds[-1] * 1000:.0f} ms; the agent took {cpu:.1f} s of CPU, has {usage}, refused {refused}", flush=True)
        self.assertIsNone(self.agent.process.poll(), "the agent died")
        if bounded:
            self.assertLess(seconds[-1], 1)

    def slow(self, manner, connections, *flags):
        return ("slowhttptest", manner, "-c", connections, "-r", 1000, "-l", self.SECONDS, "-p", 3, *flags, "-u")

    def test_slow_heads(self):
        for connections in (AT, OVER):
            self.measure(f"slowhttptest, {connections} slow heads", *self.slow("-H", connections, "-i", 2))

    def test_slow_bodies(self):
        self.measure(f"slowhttptest, {OVER} slow bodies", *self.slow("-B", OVER, "-i", 2))

    def test_slow_readers(self):
        self.measure(f"slowhttptest, {OVER} slow readers",
                     *self.slow("-X", OVER, "-w", 10, "-y", 20, "-n", 2, "-z", 32, "-k", 3))

    def test_scrapes_without_a_pause(self):
        for connections in (100, BUSY):
            bounded = connections < BUSY
            self.measure(f"wrk, {connections} connections", "wrk", "-t", 2, "-c", connections, "-d", f"{self.SECONDS}s",
                         bounded=bounded)
            self.measure(f"h2load by HTTP/1.1, {connections} connections", "h2load", "--h1", "-t", 2, "-c", connections,
                         "-D", self.SECONDS, bounded=bounded)

    def test_http_2_without_asking(self):
        self.measure("h2load by HTTP/2, 100 connections", "h2load", "-c", 100, "-n", 1000)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Tools.SECONDS = int(sys.argv.pop())
    vqtest.main()
