# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes the agent, as text and with native histograms, and both answer the same."""

import json
import math
import pathlib
import socket
import subprocess
import tempfile
import unittest
import urllib.parse
import urllib.request

import vqtest


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    """Debian's Prometheus, scraping one agent every second."""

    def __init__(self, test, agent, *flags):
        directory = test.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-prometheus-"))
        config = pathlib.Path(directory, "prometheus.yml")
        target = urllib.parse.urlparse(agent.url).netloc
        config.write_text("global: {scrape_interval: 1s}\n"
                          "scrape_configs:\n"
                          "  - job_name: vqscope\n"
                          f"    static_configs: [{{targets: ['{target}']}}]\n")
        self.url = f"http://127.0.0.1:{free_port()}"
        log = test.enterContext(open(pathlib.Path(directory, "log"), "w"))
        process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
             f"--web.listen-address={self.url.removeprefix('http://')}", *flags], stdout=log, stderr=log)
        test.addCleanup(process.wait, 30)
        test.addCleanup(process.terminate)

    def query(self, expression):
        """The instant vector as [(labels, value)]; nothing while Prometheus is not up yet."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": expression}),
                                        timeout=10) as answer:
                result = json.load(answer)["data"]["result"]
        except urllib.error.URLError:
            return []
        return [(r["metric"], float(r["value"][1])) for r in result]


class Scrape(unittest.TestCase):
    METRIC = "vqscope_request_device_latency_seconds"

    def test_quantiles_per_queue_from_classic_and_native_histograms_agree(self):
        vqtest.require_root()
        vqtest.require("prometheus", "fio")
        disk = vqtest.root_disk()
        agent = vqtest.Agent(self, f"--device-include=^{disk}$", "--require-probe=block")
        classic = Prometheus(self, agent)
        native = Prometheus(self, agent, "--enable-feature=native-histograms")
        name = self.enterContext(vqtest.scratch_file())
        vqtest.Fio(f"--filename={name}", "--size=64m", "--rw=write", "--bs=1m", "--end_fsync=1")
        vqtest.BackgroundFio(self, f"--filename={name}", "--size=64m", "--rw=randrw", "--bs=4k", "--direct=1",
                             "--ioengine=libaio", "--iodepth=16", "--time_based", "--runtime=120")
        scrapes = "count_over_time(vqscope_online_cpus[1m])"
        for prometheus in (classic, native):
            vqtest.wait_for(lambda: [v for _, v in prometheus.query(scrapes) if v >= 12], "twelve scrapes", 60)
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
