# SPDX-License-Identifier: Apache-2.0
"""From the interrupt to the page: real guests, a real Prometheus with the shipped rules, a real Alertmanager with the
shipped configuration, and a webhook that receives.

Changed for the test, and nothing else: the rules' durations (monitoring.quick_rules), and in alertmanager.yml the
addresses of the receivers and how long it waits. Thresholds, conditions, names and routes are the shipped ones.

    tests/run.sh alerts
"""

import contextlib
import re
import tempfile
import unittest

import grafana
import lab
import monitoring
import vqtest
from guest import Disk, Layout
from measure import Job

ALERT = "VqscopeIrqConcentration"
WINDOW, WAIT, INTERVAL = 30, 10, 2  # seconds: the rules' ranges, their `for`, and between scrapes
ENDLESS = "--rw=randread --iodepth=8 --time_based --runtime=7200"
FROM_ALL = [Job("data", cpu, ENDLESS, None) for cpu in range(4)]
FROM_ONE = [Job("data", 2, ENDLESS, None)]
PATIENCE = 300  # seconds: guests without KVM, on a machine that may have more to do


def layout(queues):
    return Layout(disks=(Disk("data", f"virtio-blk-pci,num-queues={queues}", queues=queues),), forward=(lab.PORT,))


class AlertsInGuests(unittest.TestCase):
    def setUp(self):
        vqtest.require("prometheus", "prometheus-alertmanager")
        self.webhook = monitoring.Webhook(self)
        config = (monitoring.ROOT / "deploy/prometheus/alertmanager.yml").read_text()
        config = re.sub(r"http://127\.0\.0\.1:9099", self.webhook.url, config)
        config = re.sub(r"(?m)^( +group_(?:wait|interval): ).*$", r"\g<1>1s", config)
        self.alertmanager = monitoring.Alertmanager(self, config)
        rules = monitoring.quick_rules(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-rules-")),
                                       f"{WINDOW}s", f"{WAIT}s")
        self.prometheus = monitoring.Prometheus(self, {}, monitoring.NATIVE, rules=rules, interval=f"{INTERVAL}s",
                                                alertmanager=self.alertmanager)

    def scrape(self, **guests):
        self.prometheus.set_targets({**self.prometheus.targets, **{
            instance: guest.guest.forwarded(lab.PORT) for instance, guest in guests.items()}})

    def wait_for(self, fact, what):
        return vqtest.wait_for(fact, what, PATIENCE)

    def wait_for_a_load_that_matters(self, instance):
        """Until what the rule sees has been, for more than twice as long as it waits, a guest with four queues and more
        than its threshold of requests."""
        seconds = WINDOW + 3 * WAIT
        rate = f'device:vqscope_submissions:rate5m{{instance="{instance}"}}'
        queues = f'vqscope_device_queues{{instance="{instance}"}}'
        self.wait_for(lambda: self.prometheus.query(
            f"count_over_time(({queues} == 4)[{seconds}s:{INTERVAL}s]) >= {seconds // INTERVAL - 1} "
            f"and min_over_time({rate}[{3 * WAIT}s]) >= 1000"),
            f"1000 requests per second from a guest with four queues, {instance}")

    def assert_never_pending(self, instance, since=""):
        self.assertEqual(self.prometheus.query(
            f'count_over_time(ALERTS{{alertname="{ALERT}",instance="{instance}"}}[{since or "2h"}])'), [])

    def effective_cpus(self, what, instance):
        return self.prometheus.query(f'device:vqscope_{what}_effective_cpus:rate5m{{instance="{instance}"}}')[0][1]

    def test_one_queue_pages_and_its_mend_resolves_while_guests_without_the_fault_stay_silent(self):
        with contextlib.ExitStack() as stack:
            one_submits = stack.enter_context(lab.boot(layout(4)))
            one_submits.start_fio(FROM_ONE)
            with lab.boot(layout(1)) as db:
                db.start_fio(FROM_ALL)
                self.scrape(db=db, one_submits=one_submits)
                self.one_queue_pages(db)
                self.panels_answer(db)
            with lab.boot(layout(4)) as db:
                self.scrape(db=db)
                db.start_fio(FROM_ALL)
                self.four_queues_resolve()
            self.one_submitter_was_silent()

    def one_queue_pages(self, db):
        device = db.kernel_name("data")
        self.wait_for(lambda: self.webhook.of(ALERT, "firing", instance="db", device=device), f"{ALERT} at the webhook")
        annotations = self.webhook.of(ALERT, "firing", instance="db", device=device)[0]
        print(annotations["summary"], annotations["description"], annotations["runbook_url"], sep="\n  ")
        self.assertRegex(annotations["description"], rf"^100% of the interrupts of {device} on db land on vCPU \d, while "
                                                     r"[34]\.\d vCPUs in effect submit \d{4,} requests per second\. "
                                                     r"The disk has 1 hardware queue\(s\), the guest 4 vCPUs\. "
                                                     r"(In this guest that costs at most [\d.]+% of the requests' time|"
                                                     r"What that costs in this guest was not measured)\.")
        self.assertTrue(annotations["runbook_url"].endswith("#single_queue"))

        def inhibited():
            alerts = self.alertmanager.alerts("VqscopeSingleQueue", instance="db")
            return alerts and all(alert["status"]["inhibitedBy"] for alert in alerts)

        self.wait_for(inhibited, "VqscopeSingleQueue to be inhibited by its own symptom")

    def panels_answer(self, db):
        """All of them, those on notifications too: this kernel has the probe. An emulator's vCPUs need not wait for locks."""
        may_be_empty = {title: why for title, why in grafana.may_be_empty(db.scrape()).items()
                        if title in ("Findings", "Cost of the layout", "Where the time goes, query D")}
        self.prometheus.wait_for_scrapes(self.prometheus.scrapes() + 2)  # it has all that this scrape has
        values = {"job": "vqscope", "instance": "db", "device": ".+", "queue": ".*", "op": "(read|write)"}
        self.assertEqual(grafana.problems(self.prometheus, values, WINDOW, may_be_empty), [])

    def four_queues_resolve(self):
        self.wait_for(lambda: self.webhook.of(ALERT, "resolved", instance="db"), f"{ALERT} to be resolved")
        pages = len(self.webhook.of(ALERT, "firing"))
        self.wait_for(lambda: self.prometheus.query('vqscope_device_queues{instance="db"} == 4'), "four queues")
        self.wait_for_a_load_that_matters("db")
        self.assertGreater(self.effective_cpus("submission", "db"), 3)
        self.assertGreater(self.effective_cpus("irq", "db"), 3)
        self.assertEqual(len(self.webhook.of(ALERT, "firing")), pages, "it fired again")
        self.assert_never_pending("db", f"{2 * WAIT}s")

    def one_submitter_was_silent(self):
        self.wait_for_a_load_that_matters("one_submits")
        self.assertLess(self.effective_cpus("submission", "one_submits"), 1.1)
        self.assert_never_pending("one_submits")
        self.assertEqual(self.webhook.of(ALERT, "firing", instance="one_submits"), [])


if __name__ == "__main__":
    vqtest.main()
