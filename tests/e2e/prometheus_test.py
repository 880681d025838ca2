# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes the agent, as text and with native histograms, and both answer the same."""

import math
import unittest
import urllib.parse

import monitoring
import vqtest


class Scrape(unittest.TestCase):
    METRIC = "vqscope_request_device_latency_seconds"

    def test_quantiles_per_queue_from_classic_and_native_histograms_agree(self):
        vqtest.require_root()
        vqtest.require("prometheus", "fio")
        disk = vqtest.root_disk()
        agent = vqtest.Agent(self, f"--device-include=^{disk}$", "--require-probe=block")
        target = {"guest": urllib.parse.urlparse(agent.url).netloc}
        classic = monitoring.Prometheus(self, target)
        native = monitoring.Prometheus(self, target, monitoring.NATIVE)
        name = self.enterContext(vqtest.scratch_file())
        vqtest.Fio(f"--filename={name}", "--size=64m", "--rw=write", "--bs=1m", "--end_fsync=1")
        vqtest.BackgroundFio(self, f"--filename={name}", "--size=64m", "--rw=randrw", "--bs=4k", "--direct=1",
                             "--ioengine=libaio", "--iodepth=16", "--time_based", "--runtime=120")
        for prometheus in (classic, native):
            prometheus.wait_for_scrapes(12)
            self.assertEqual([v for _, v in prometheus.query("min_over_time(up[1m])")], [1])

        for op in ("read", "write"):
            selector = f'{{device="{disk}",op="{op}"}}'
            from_buckets = classic.query(
                f"histogram_quantile(0.99, sum by (device, queue, le) (rate({self.METRIC}_bucket{selector}[10s])))")
            from_native = native.query(
                f"histogram_quantile(0.99, sum by (device, queue) (rate({self.METRIC}{selector}[10s])))")
            self.assertEqual([labels for labels, _ in from_buckets], [{"device": disk, "queue": "0"}])
            self.assertEqual([labels for labels, _ in from_native], [{"device": disk, "queue": "0"}])
            (_, coarse), (_, fine) = from_buckets[0], from_native[0]
            self.assertGreater(fine, 0)
            # A classic bucket is one power of two wide.
            self.assertLessEqual(abs(math.log2(coarse / fine)), 1, f"{op}: {coarse} s and {fine} s")
        # The native one really is native: it has no bucket series.
        self.assertEqual(native.query(f"count({self.METRIC}_bucket)"), [])
        depth = native.query(f'rate(vqscope_queue_inflight_seconds_total{{device="{disk}"}}[10s])')
        self.assertGreater(depth[0][1], 1)


if __name__ == "__main__":
    vqtest.main()
