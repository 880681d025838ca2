# SPDX-License-Identifier: Apache-2.0
"""Every query of the dashboard, and every recording rule, answered by a real Prometheus that scraped a real agent under
real load: not empty, and the same from native and from classic histograms."""

import os
import unittest
import urllib.parse

import grafana
import monitoring
import vqtest

# Recording rules that may have no value, with why.
MAY_BE_ABSENT = {
    "device:vqscope_irq_concentrated:ratio_rate5m": "interrupts are spread, or the disk is slow",
    "device:vqscope_queue_cost:ratio_avg5m": "waits for locks were not measured",
    "device:vqscope_lock_wait_seconds:rate5m": "nobody was seen to wait for a lock",
}

LOAD = ("--rw=randrw", "--bs=4k", "--direct=1", "--ioengine=libaio", "--iodepth=8", "--fsync=64", "--time_based",
        "--runtime=300", "--numjobs=2", "--cpus_allowed=0,1", "--cpus_allowed_policy=split")


class Dashboard(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        if not {0, 1} <= os.sched_getaffinity(0):
            raise unittest.SkipTest("needs two vCPUs: VqscopeSingleQueue is what the alerts' panel shows")
        vqtest.require("prometheus", "fio")
        self.disk = vqtest.root_disk()
        self.loop = vqtest.Loop(self)
        self.agent = vqtest.Agent(self, f"--device-include=^({self.disk}|{self.loop.name})$", "--require-probe=block",
                                  "--require-probe=irq")
        self.agent.wait_for_device(self.loop.name)
        self.file = self.enterContext(vqtest.scratch_file())
        # From here on every series is there; what follows is growth, which both Prometheuses see alike.
        for name in (self.loop.path, self.file):
            vqtest.Fio(f"--filename={name}", "--size=32m", "--rw=randrw", "--bs=4k", "--direct=1", "--fsync=8",
                       "--io_size=1m")
        target = {"guest": urllib.parse.urlparse(self.agent.url).netloc}
        self.prometheuses = {
            "classic": monitoring.Prometheus(self, target, rules=monitoring.RULES),
            "native": monitoring.Prometheus(self, target, monitoring.NATIVE, rules=monitoring.RULES)}
        for prometheus in self.prometheuses.values():
            prometheus.wait_for_scrapes(2)
        load = [vqtest.BackgroundFio(self, f"--filename={name}", "--size=32m", *LOAD)
                for name in (self.loop.path, self.file)]
        for prometheus in self.prometheuses.values():
            prometheus.wait_for_scrapes(10)
        self.may_be_empty = grafana.may_be_empty(self.agent.scrape())
        for prometheus in self.prometheuses.values():  # they have all that this scrape has when they have two more
            prometheus.wait_for_scrapes(prometheus.scrapes() + 2)
        self.end_load = lambda: [job.stop() for job in load]

    def values(self, devices):
        """Of the dashboard's variables."""
        return {"job": "vqscope", "instance": "guest", "device": devices, "queue": ".*", "op": "(read|write)"}

    def expand(self, expression, devices, interval):
        return grafana.expand(expression, self.values(devices), interval)

    def test_every_query_answers_and_native_histograms_give_what_classic_ones_give(self):
        self.the_variables_have_values()
        self.every_query_answers()
        self.every_recording_rule_has_a_value()
        self.end_load()
        self.native_and_classic_agree()

    def the_variables_have_values(self):
        for name, variable in grafana.variables().items():
            if variable["type"] != "query":
                continue
            query = self.expand(variable["query"]["query"], ".+", "8s")
            selector, label = query.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
            for prometheus in self.prometheuses.values():
                values = prometheus.get(f"/api/v1/label/{label}/values", **{"match[]": selector})
                self.assertTrue(values, f"${name}: {query}")

    def every_query_answers(self):
        for title, why in sorted(self.may_be_empty.items()):
            print(f"may be empty here: {title}: {why}")
        for kind, prometheus in self.prometheuses.items():
            with self.subTest(kind):
                found = grafana.problems(prometheus, self.values(f"({self.disk}|{self.loop.name})"), 8,
                                         self.may_be_empty)
                self.assertEqual(found, [])
            annotation = grafana.DASHBOARD["annotations"]["list"][1]
            prometheus.query(self.expand(annotation["expr"], ".+", "8s"))  # is accepted; no agent has just started

    def every_recording_rule_has_a_value(self):
        for kind, prometheus in self.prometheuses.items():
            for group in prometheus.get("/api/v1/rules")["groups"]:
                for rule in group["rules"]:
                    with self.subTest(kind, rule=rule["name"]):
                        self.assertEqual(rule["health"], "ok", rule.get("lastError"))
                        if rule["type"] == "recording" and rule["name"] not in MAY_BE_ABSENT:
                            of_disk = f'{{device="{self.disk}"}}' if rule["name"].startswith("device") else ""
                            values = prometheus.query(rule["name"] + of_disk)
                            self.assertTrue([value for _, value in values if value == value])

    def native_and_classic_agree(self):
        """Once the load on the loop device is over, both have seen exactly the same growth since their first scrape.
        Quantiles agree within a classic bucket, a power of two; means within 1 %, because rate() extrapolates a sum and a
        count each by itself, but a native histogram as a whole."""
        counter = f'sum(vqscope_submissions_total{{device="{self.loop.name}"}})'
        requests = self.agent.scrape().sum("vqscope_submissions_total", device=self.loop.name)
        for prometheus in self.prometheuses.values():
            vqtest.wait_for(lambda: prometheus.query(counter) == [({}, requests)], "the last requests to be scraped", 30)
        compared = 0
        for panel, target in grafana.targets():
            mean, quantile = panel["title"] == "Guest or host: mean latency", "histogram_quantile" in target["expr"]
            if not (mean or quantile):
                continue
            query = self.expand(target["expr"], self.loop.name, "10m")
            classic, native = (
                {frozenset(labels.items()): value for labels, value in prometheus.query(query)}
                for prometheus in (self.prometheuses["classic"], self.prometheuses["native"]))
            with self.subTest(panel=panel["title"], query=target["refId"]):
                self.assertEqual(set(classic), set(native))
                for labels, value in classic.items():
                    compared += 1
                    if mean:
                        self.assertAlmostEqual(native[labels] / value, 1, delta=0.01)
                    else:
                        # All requests below the first classic bound, 2^-17 s, look alike to classic buckets.
                        low, high = sorted((max(value, 2 ** -17), max(native[labels], 2 ** -17)))
                        self.assertLessEqual(high / low, 2)
        self.assertGreaterEqual(compared, 7)
        # The native one really is native, and the classic one is not.
        series = "vqscope_request_device_latency_seconds"
        self.assertEqual(self.prometheuses["native"].query(f"count({series}_bucket)"), [])
        self.assertEqual(self.prometheuses["classic"].query(f"count({series})"), [])


if __name__ == "__main__":
    os.chdir(monitoring.ROOT)
    vqtest.main()
