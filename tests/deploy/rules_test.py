# SPDX-License-Identifier: Apache-2.0
"""The shipped rules and example configurations pass Prometheus's and Alertmanager's own checks and unit tests, and every
alert has what an admin needs."""

import pathlib
import re
import tempfile
import unittest

import monitoring
import vqtest

HERE = pathlib.Path(__file__).parent
DEPLOY = monitoring.ROOT / "deploy/prometheus"
ALERTS = {"VqscopeIrqConcentration", "VqscopeSingleQueue", "VqscopeStuckRequest", "VqscopeQueueFull",
          "VqscopeTailLatency", "VqscopeIoErrors", "VqscopeAgentDegraded", "VqscopeAgentDown"}


class Rules(unittest.TestCase):
    def test_promtool_accepts_rules_and_example_configuration(self):
        vqtest.require("promtool")
        vqtest.run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *monitoring.RULES)
        vqtest.run("promtool", "check", "config", DEPLOY / "prometheus.yml")

    def test_quick_variants_of_the_rules_are_rules_and_differ_in_durations_only(self):
        vqtest.require("promtool")
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-rules-"))
        for copy, original in zip(monitoring.quick_rules(folder), monitoring.RULES):
            vqtest.run("promtool", "check", "rules", copy)
            quick, shipped = (re.sub(r"(?<=[\[ ])\d+[smhd](?=[\]\n])|(?<=offset )\d+[smhd]", "DURATION", text)
                              for text in (copy.read_text(), original.read_text()))
            self.assertEqual(quick, shipped)
            self.assertNotEqual(copy.read_text(), original.read_text())

    def test_amtool_accepts_the_example_configuration(self):
        vqtest.require("amtool")
        vqtest.run("amtool", "check-config", DEPLOY / "alertmanager.yml")

    def test_unit_tests_of_the_rules(self):
        vqtest.require("promtool")
        for path in sorted(HERE.glob("*.test.yml")):
            with self.subTest(path.name):
                vqtest.run("promtool", "test", "rules", path)


class Alerts(unittest.TestCase):
    """As Prometheus has read them."""

    def setUp(self):
        vqtest.require("prometheus")
        prometheus = monitoring.Prometheus(self, {}, rules=monitoring.RULES)
        groups = prometheus.get("/api/v1/rules")["groups"]
        self.alerts = [rule for group in groups for rule in group["rules"] if rule["type"] == "alerting"]

    def test_every_alert_says_how_bad_it_is_what_happens_and_where_to_read_on(self):
        self.assertEqual({alert["name"] for alert in self.alerts}, ALERTS)
        page = (DEPLOY / "README.md").read_text()
        for alert in self.alerts:
            name, severity = alert["name"], alert["labels"].get("severity")
            with self.subTest(name, severity=severity):
                self.assertIn(severity, ("info", "warning", "critical"))
                self.assertIn("$labels.instance", alert["annotations"]["summary"])
                self.assertRegex(alert["annotations"]["description"], r"\$value|\$labels\.job")
                self.assertIn(f"### {name}", page)
                self.check_runbook(alert["annotations"]["runbook_url"])

    def check_runbook(self, url):
        """The page has a section for each anchor; a template may choose between several."""
        self.assertTrue(url.startswith("https://github.com/vqscope/vqscope/blob/main/"), url)
        path, _, anchors = url.partition("/blob/main/")[2].partition("#")
        sections = set(re.findall(r"(?m)^#+ (\w+)$", (monitoring.ROOT / path).read_text().lower()))
        for anchor in filter(None, re.split(r"\{\{.*?\}\}", anchors)):
            self.assertIn(anchor, sections, path)

    def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent(self):
        cases = "".join(path.read_text() for path in HERE.glob("*.test.yml"))
        for name in {alert["name"] for alert in self.alerts}:
            found = re.findall(rf"alertname: {name}\b.*?exp_alerts: *(\S*)", cases, re.DOTALL)
            silent = [word for word in found if word.startswith("[]")]
            self.assertTrue(silent, f"{name} is never silent")
            self.assertLess(len(silent), len(found), f"{name} never fires")


if __name__ == "__main__":
    vqtest.main()
