# SPDX-License-Identifier: Apache-2.0
"""A request that hangs is seen while it hangs, which iostat cannot; and one that hung before the agent came is told."""

import os
import unittest

import vqtest


class Hang(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        self.frozen = vqtest.FrozenLoop(self)
        self.name = self.frozen.loop.name

    def start_agent(self):
        agent = vqtest.Agent(self, f"--device-include=^{self.name}$", "--require-probe=block")
        agent.wait_for_device(self.name)
        return agent

    def value(self, scrape, metric):
        return scrape.one(metric, device=self.name, queue="0")

    def test_shows_in_age_and_integral_but_not_in_iostat(self):
        agent = self.start_agent()
        self.assertIsNone(self.value(agent.scrape(), "vqscope_queue_oldest_inflight_seconds"))
        stats = vqtest.diskstats(self.name)
        self.frozen.freeze()
        writer = self.frozen.hang_a_write(self)
        first = vqtest.wait_for(
            lambda: (s := agent.scrape()) and self.value(s, "vqscope_queue_inflight") == 1 and s, "the write to hang")
        later = vqtest.wait_for(
            lambda: (s := agent.scrape()) and self.value(s, "vqscope_queue_oldest_inflight_seconds") > 2 and s,
            "the request to be 2 s old")
        aged = self.value(later, "vqscope_queue_oldest_inflight_seconds") - self.value(
            first, "vqscope_queue_oldest_inflight_seconds")
        grown = self.value(later, "vqscope_queue_inflight_seconds_total") - self.value(
            first, "vqscope_queue_inflight_seconds_total")
        # One request in flight: its age and the integral grow second by second.
        self.assertAlmostEqual(grown, aged, delta=1e-6)
        # iostat's throughput and aqu-sz stand still: writes completed (5) and time in queue (11).
        for field in (5, 11):
            self.assertEqual(vqtest.diskstats(self.name)[field], stats[field])
        self.assertEqual(later.requests(self.name), 0)

        self.frozen.thaw()
        self.assertEqual(writer.wait(30), 0)
        done = vqtest.wait_for(
            lambda: (s := agent.scrape()) and self.value(s, "vqscope_queue_inflight") == 0 and s, "the write to end")
        self.assertIsNone(self.value(done, "vqscope_queue_oldest_inflight_seconds"))
        self.assertEqual(done.requests(self.name, "write"), 1)
        self.assertEqual(done.lost(), {})
        # At the end the integral is the sum of latencies, and the kernel's accounting has caught up.
        latency = done.sum("vqscope_request_device_latency_seconds_sum", device=self.name)
        self.assertAlmostEqual(self.value(done, "vqscope_queue_inflight_seconds_total"), latency, delta=1e-6)
        self.assertAlmostEqual(self.value(done, "vqscope_queue_time_seconds_total"),
                               (vqtest.diskstats(self.name)[11] - stats[11]) / 1000, delta=0.01)

    def test_a_request_in_flight_at_attach_is_counted_as_lost(self):
        self.frozen.freeze()
        writer = self.frozen.hang_a_write(self)
        inflight = self.frozen.loop.sysfs / "inflight"
        vqtest.wait_for(lambda: inflight.read_text().split() == ["0", "1"], "the write to hang")
        agent = self.start_agent()
        self.assertEqual(self.value(agent.scrape(), "vqscope_queue_inflight"), 0)
        self.frozen.thaw()
        self.assertEqual(writer.wait(30), 0)
        scrape = agent.scrape()
        self.assertEqual(scrape.lost(), {"in_flight_at_attach": 1})
        self.assertEqual(scrape.requests(self.name), 0)
        with open(self.frozen.loop.path, "r+b", buffering=0) as disk:
            disk.write(bytes(4096))
            os.fsync(disk.fileno())
        # A scrape may be as old as the one before took to make.
        vqtest.wait_for(lambda: agent.scrape().requests(self.name, "write") == 1, "the write to be counted")


if __name__ == "__main__":
    vqtest.main()
