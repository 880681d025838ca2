# SPDX-License-Identifier: Apache-2.0
"""Every number that the page shows of a second, in a real browser, against /metrics of the readings at both its ends.

A scrape is a reading of its own. But where the disk is still, nothing has been counted between a scrape before a reading
of the page and one after it: then all three read the same. fio is stopped around both ends of a second, and works between.
"""

import collections
import contextlib
import json
import math
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

import vqtest
import words
from browser import Browser, require_browser
from expected import BOUNDS, PHASES, Latency, judged_at, near, shown_findings

# What tells of a moment, or of some seconds until now.
PASSING = re.compile(r"_(ratio|cpus|avgqu_sz|longest_seconds|finding)$")

Still = collections.namedtuple("Still", "number step scrape")


class Numbers(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        require_browser()

    def start(self, disk):
        self.disk = disk
        self.agent = vqtest.Agent(self, f"--device-include=^{disk}$", "--require-probe=block",
                                  f"--histogram.classic-buckets={','.join(f'{2 ** (index / 8):.9g}' for index in BOUNDS)}")
        self.cursor = ""
        self.last = None

    # Still moments

    def next_step(self, since):
        """(number, step) of the first that ended later."""

        def ask():
            answer = json.loads(self.agent.get(f"/-/history{self.cursor and '?since=' + self.cursor}")[2])
            self.cursor = answer["cursor"]
            number = int(self.cursor.split("-")[1]) - len(answer["steps"])
            for step in answer["steps"]:
                number += 1
                self.last = number, step
            return self.last if self.last and self.last[1]["time"] > since else None

        return vqtest.wait_for(ask, "the next step", 20)

    def counted(self, scrape):
        return sorted((name, sorted(labels.items()), value) for name, labels, value in scrape.samples
                      if labels.get("device") == self.disk and not PASSING.search(name))

    def still(self, hold):
        """At the end of a step, if nothing was counted there; None: something was. `hold` keeps the disk still."""
        with hold():
            vqtest.wait_for(lambda: self.agent.scrape().sum("vqscope_queue_inflight", device=self.disk) == 0, "no requests", 20)
            before = self.agent.scrape()
            number, step = self.next_step(time.time())
            after = self.agent.scrape()
            return Still(number, step, after) if self.counted(before) == self.counted(after) else None

    def second(self, hold, work):
        """(first, last): a step between two still moments, in which there was work; nothing of it was lost."""
        first = None
        for _ in range(60):
            last = self.still(hold)
            if first and last and last.number == first.number + 1 and first.scrape.lost() == last.scrape.lost():
                return first, last
            first = last
            work(first)
        self.skipTest("others use this disk all the time")

    def fio(self):
        name = self.enterContext(vqtest.scratch_file())
        load = vqtest.BackgroundFio(self, f"--filename={name}", "--size=256M", "--rw=randrw", "--rwmixread=70", "--bs=4k", "--thread",
                                    "--direct=1", "--ioengine=libaio", "--iodepth=8", "--numjobs=2", "--time_based", "--runtime=600")
        # One that is stopped does not end.
        self.addCleanup(load.process.send_signal, signal.SIGCONT)
        # It writes its file first.
        vqtest.wait_for(lambda: self.agent.scrape().requests(self.disk, "read") > 1000, "reads", 60)
        return load.process

    # What /metrics says of it

    def grown(self, first, last):
        """A function of a metric's name and labels: by how much their sum grew. `le`: the index of a native bucket."""
        index = collections.defaultdict(list)
        for scrape, sign in ((first.scrape, -1), (last.scrape, 1)):
            for name, labels, value in scrape.samples:
                if labels.get("device") == self.disk:
                    bound = labels.get("le")
                    if bound is not None:
                        labels = {**labels, "le": None if bound == "+Inf" else round(8 * math.log2(float(bound)))}
                    index[name].append((labels, sign * value))

        def grown(name, **wanted):
            return sum(value for labels, value in index[name] if all(labels.get(key) == value for key, value in wanted.items()))

        return grown

    def expected_numbers(self, grown, last, **labels):
        """The list of numbers: name -> as what it may be written."""
        seconds = last.step["seconds"]
        latencies = {name: Latency(grown, metric, **labels) for name, metric in PHASES.items()}
        oldest = [value for _, value in last.scrape.all("vqscope_queue_oldest_inflight_seconds", device=self.disk, **labels)]
        numbers = {
            "requests/s": near(latencies["at the device"].count / seconds, words.grouped),
            "throughput": near(grown("vqscope_request_bytes_total", **labels) / seconds, words.throughput),
            "in flight, on average": near(grown("vqscope_queue_inflight_seconds_total", **labels) / seconds, words.grouped),
            "in flight, at its end": {words.grouped(last.scrape.sum("vqscope_queue_inflight", device=self.disk, **labels))},
            "oldest in flight": {words.shown(max(oldest, default=None), words.short_duration)}}
        for name, latency in latencies.items():
            numbers[f"{name}: mean"] = near(latency.mean, words.short_duration)
            for what, q in (("median", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
                numbers[f"{name}: {what}"] = near(latency.quantile(q), words.short_duration)
        if not labels:
            interrupts = grown("vqscope_irq_interrupts_total") / seconds
            # A loop device has no interrupts of its own.
            seen = last.scrape.all("vqscope_irq_interrupts_total", device=self.disk)
            numbers["interrupts/s"] = near(interrupts if seen else None, words.grouped)
            errors = grown("vqscope_request_errors_total")
            if errors:
                numbers["failed requests"] = {words.grouped(errors)}
        return numbers

    def expected_time(self, grown):
        """(the sentence's parts, the list)"""
        before, device = (grown(f"{PHASES[name]}_sum") for name in ("before issue", "at the device"))
        local, cross = (grown("vqscope_completion_delay_seconds_total", locality=each) for each in ("local", "cross_cpu"))
        total = before + device
        requests = grown("vqscope_submissions_total")
        parts = [{f"{text} before issue" for text in near(before / total, words.percent)}]
        if grown("vqscope_queue_completions_total") >= 0.99 * requests:
            parts += [{f"{text} {name}" for text in near(seconds / total, words.percent)}
                      for name, seconds in (("at the host", device - local - cross),
                                            ("in completion, on the submitting vCPU", local),
                                            ("in completion, on another vCPU", cross))]
        else:
            parts.append({f"{text} from issue to completion" for text in near(device / total, words.percent)})
        return near(total / requests, words.short_duration), requests, parts

    # What the page says of it

    def open(self, last, **fragment):
        self.browser = getattr(self, "browser", None) or Browser(self)
        self.browser.driver.get("about:blank")
        fragment = "&".join(f"{key}={value}" for key, value in {"disk": self.disk, "range": 60, "at": last.step["time"],
                                                                **fragment}.items())
        self.browser.driver.get(f"{self.agent.url.removesuffix('metrics')}#{fragment}")
        vqtest.wait_for(lambda: self.browser.run("return document.body.dataset.step") == str(last.number), "the step", 30, 0.1)
        self.browser.click("#pause")

    def check(self, shown, expected):
        self.assertEqual(list(shown), list(expected))
        for name, text in shown.items():
            self.assertIn(text, expected[name], name)

    def check_numbers(self, grown, last, **labels):
        expected = self.expected_numbers(grown, last, **labels)
        self.check(self.browser.numbers(), expected)
        for name, text in zip(("requests/s", "throughput", "in flight, on average"), self.browser.texts("figcaption output")):
            self.assertIn(text, expected[name])
        spoken = re.fullmatch(r"\S+, (\S+) requests per second, median (.+)",
                              self.browser.run("return document.querySelector('#moment').getAttribute('aria-valuetext')"))
        self.assertIn(spoken[1], expected["requests/s"])
        self.assertIn(spoken[2], expected["at the device: median"])
        clock = self.browser.text("#moment-title").split(",")[0]
        row = next(row for row in self.browser.cells("#last-minute-rows tr") if row[0] == clock)
        self.check(dict(zip(range(7), row[1:])), dict(enumerate(
            [expected[name] for name in ("requests/s", "throughput", "in flight, on average", "at the device: mean",
                                         "at the device: median", "at the device: p99", "at the device: p99.9")])))
        return expected

    def check_row_of_disk(self, grown, last, expected):
        row = next(row for row in self.browser.cells("#disk-rows tr") if row[0] == self.disk)
        device = Latency(grown, PHASES["at the device"])
        shares = [next(({text.split(" %")[0] + " %" for text in part} for part in self.expected_time(grown)[2]
                        if any(text.endswith(f" {name}") for text in part)), {words.NOTHING})
                  for name in ("before issue", "at the host")]
        interrupts = collections.Counter({labels["cpu"]: 0 for labels, _ in last.scrape.all("vqscope_irq_interrupts_total")})
        for cpu in interrupts:
            interrupts[cpu] = grown("vqscope_irq_interrupts_total", cpu=cpu)
        most = max(interrupts.values(), default=0)
        self.check(dict(enumerate(row[1:-1])), dict(enumerate([
            expected["requests/s"], expected["throughput"], expected["in flight, on average"],
            *(near(device.quantile(q), words.duration) for q in (0.5, 0.99, 0.999)), *shares,
            {f"{last.scrape.one('vqscope_device_queues', device=self.disk):.0f}"},
            {f"vCPU {cpu}, {words.percent(most / sum(interrupts.values()))}" for cpu, count in interrupts.items()
             if count == most} if most else {words.NOTHING}])))

    def check_findings(self):
        """Those of the moment that is shown."""
        held = judged_at(self.agent, self.shown.number)
        found = held["findings"] if held else []

        def counted(findings):
            severities = collections.Counter(finding["severity"] for finding in findings)
            return ", ".join(f"{severities[kind]} {kind}" for kind in ("critical", "warning", "info") if severities[kind])

        self.assertEqual(shown_findings(self.browser), sorted(finding["finding"] for finding in found))
        self.assertEqual(sorted(self.browser.texts("#findings article > ul li")),
                         sorted(sentence for finding in found for sentence in finding["evidence"]))
        row = next(row for row in self.browser.cells("#disk-rows tr") if row[0] == self.disk)
        self.assertEqual(row[-1], counted(finding for finding in found if finding["device"] == self.disk) or "none")
        if found:
            self.assertEqual(self.browser.text("#found"), f"Found in the whole guest: {counted(found)}")

    def check_findings_of_now(self):
        """Under the same load for a while they come to be those of the metrics, which are slower to come and to go."""
        self.browser.click("#live")
        vqtest.wait_for(lambda: shown_findings(self.browser) ==
                        sorted(labels["finding"] for labels, _ in self.agent.scrape().all("vqscope_finding")),
                        "the findings of the metrics", 90, 0.2)

    def check_time(self, grown):
        mean, requests, parts = self.expected_time(grown)
        sentence = re.fullmatch(r"Of (.+) that a request takes on average, in (\S+) requests?:", self.browser.text("#time-of"))
        self.assertIn(sentence[1], mean)
        self.assertEqual(sentence[2], words.grouped(requests))
        shown = self.browser.texts("#time-parts li")
        locks = [text for text in shown if text.endswith(" in waits for locks, within these")]
        self.check(dict(enumerate(text for text in shown if text not in locks)), dict(enumerate(parts)))
        if locks:
            total = sum(grown(f"{metric}_sum") for metric in PHASES.values())
            self.assertIn(locks[0].split(" in waits")[0], near(grown("vqscope_lock_wait_seconds_total") / total, words.percent))

    def check_matrix(self, grown, last):
        """By vCPU, and by queue and vCPU. Who submitted to which queue is in /metrics only where there is one."""
        head = self.browser.texts("#matrix thead tr:nth-child(2) th")
        cpus = head[:len(head) // 2]
        queues = [str(queue) for queue in range(int(last.scrape.one("vqscope_device_queues", device=self.disk)))]
        rows = {row[0]: row[1:] for row in self.browser.cells("#matrix tbody tr")}
        self.assertEqual(list(rows), [*(f"queue {queue}" for queue in queues), "all queues"])
        for name, row in rows.items():
            labels = {} if name == "all queues" else {"queue": name.split()[1]}
            for kind, metric, own in (("requests", "vqscope_submissions_total", {}),
                                      ("interrupts", "vqscope_irq_interrupts_total", labels)):
                cells = row[:len(cpus)] if kind == "requests" else row[len(cpus):]
                if kind == "requests" and labels and len(queues) > 1:
                    continue
                counts = [grown(metric, cpu=cpu, **own) for cpu in cpus]
                total = grown(metric)
                self.assertEqual(cells, ["" if total == 0 else "0" if count == 0 else words.percent(count / total) for count in counts],
                                 (name, kind))

    def check_picture(self, latency):
        """What is told of each place in the picture of the latency at which one can point."""
        texts = self.browser.wait("""
            const host = document.querySelector('#latency'), box = host.getBoundingClientRect(), told = new Set();
            const drawn = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
            const point = async (x, y) => {
              host.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + x, clientY: box.top + y, bubbles: true}));
              await drawn();
            };
            for (let x = box.width - 8; x > 70; x -= 3) {
              await point(x, 20);
              if (document.body.dataset.step !== arguments[0]) continue;
              for (let y = 7; y < box.height - 18; y += 2) {
                await point(x, y);
                told.add(document.querySelector('#cell').textContent);
              }
              break;
            }
            host.dispatchEvent(new PointerEvent('pointerleave'));
            await drawn();
            return [...told].map((text) => text.slice(text.indexOf(': ') + 2));""", str(self.shown.number))
        count = words.grouped(latency.count)
        self.assertEqual({text for text in texts if not text.startswith("0 of ")}, {
            f"{words.grouped(here)} of {count} request{'' if latency.count == 1 else 's'} took more than "
            f"{words.short_duration(0 if row == 0 else 2 ** ((row - 42) / 2))} and up to {words.short_duration(2 ** ((row - 41) / 2))}."
            for row, here in latency.rows().items()})

    def check_all(self, first, last):
        grown = self.grown(first, last)
        self.shown = last
        self.open(last)
        self.browser.run("for (const each of document.querySelectorAll('details')) each.open = true;")
        vqtest.wait_for(lambda: self.browser.texts("#last-minute-rows tr"), "the table of the last minute")
        expected = self.check_numbers(grown, last)
        self.check_row_of_disk(grown, last, expected)
        self.check_findings()
        self.check_time(grown)
        self.check_matrix(grown, last)
        self.check_picture(Latency(grown, PHASES["at the device"]))
        self.open(last, latency="before_issue")
        self.check_picture(Latency(grown, PHASES["before issue"]))
        self.open(last, queue=0)
        self.browser.run("document.querySelector('#table-details').open = true;")
        vqtest.wait_for(lambda: self.browser.texts("#last-minute-rows tr"), "the table of the last minute")
        self.check_numbers(grown, last, queue="0")
        self.check_picture(Latency(grown, PHASES["at the device"], queue="0"))
        self.assertEqual(self.browser.complaints(), [])
        return expected

    def test_under_fio_they_are_those_of_the_metrics(self):
        vqtest.require("fio")
        self.start(vqtest.root_disk())
        load = self.fio()

        class Stopped:
            def __enter__(self):
                load.send_signal(signal.SIGSTOP)

            def __exit__(self, *_):
                load.send_signal(signal.SIGCONT)

        def work(first):
            # Most of a second, and until shortly before its end.
            until = (first.step["time"] if first else time.time()) + 0.75
            vqtest.wait_for(lambda: time.time() > until, "most of a second")

        first, last = self.second(Stopped, work)
        self.assertGreater(self.grown(first, last)("vqscope_submissions_total"), 100)
        self.assertGreater(self.grown(first, last)("vqscope_irq_interrupts_total"), 0)
        self.check_all(first, last)
        self.check_findings_of_now()

    def test_of_failed_requests(self):
        """A disk whose file has no room for most of what is written."""
        vqtest.require("fio", "mount")
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-small-"))
        vqtest.run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder)
        self.addCleanup(vqtest.run, "umount", folder)
        file = os.path.join(folder, "disk")
        with open(file, "wb") as disk:
            disk.truncate(16 << 20)
        loop = vqtest.Loop(self, backing=file)
        self.start(loop.name)

        def work(_):
            subprocess.run(["dd", "if=/dev/zero", f"of={loop.path}", "bs=64k", "count=16", "seek=8", "oflag=direct", "conv=notrunc"],
                           capture_output=True)
            vqtest.Fio(f"--filename={loop.path}", "--rw=randread", "--bs=4k", "--direct=1", "--number_ios=2000", "--size=16M")

        first, last = self.second(contextlib.nullcontext, work)
        expected = self.check_all(first, last)
        self.assertIn("failed requests", expected)
        self.assertEqual(self.grown(first, last)("vqscope_irq_interrupts_total"), 0)
        self.assertEqual(self.browser.text("figure:has(#interrupts) output"), "none was seen")

    def test_of_a_request_that_hangs_and_of_one_whose_issue_was_not_seen(self):
        frozen = vqtest.FrozenLoop(self)
        frozen.freeze()
        frozen.hang_a_write(self)
        vqtest.wait_for(lambda: sum(map(int, (frozen.loop.sysfs / "inflight").read_text().split())), "a write that hangs")
        self.start(frozen.loop.name)
        self.next_step(0)  # what the first reading has is in no step
        frozen.thaw()

        def lost():
            number, step = self.next_step(0)
            return (number, step) if "in_flight_at_attach" in step.get("lost", {}) else None

        self.open(Still(*vqtest.wait_for(lost, "the write that had been issued before"), None))
        self.assertTrue(self.browser.run("return document.querySelector('#not-counted').checkVisibility()"))
        told = f"{self.last[1]['lost']['in_flight_at_attach']} of "
        self.assertTrue(any(text.startswith(f"Not counted: {told}") and text.endswith("[in_flight_at_attach]")
                            for text in self.browser.texts("#losses li")), self.browser.texts("#losses li"))

        frozen.freeze()
        frozen.hang_a_write(self)
        vqtest.wait_for(lambda: self.agent.scrape().sum("vqscope_queue_inflight", device=self.disk) == 1, "a write that hangs")
        before = self.agent.scrape()
        number, step = self.next_step(time.time() + 1)
        after = self.agent.scrape()
        self.open(Still(number, step, None))
        shown = self.browser.numbers()
        self.assertEqual((shown["in flight, at its end"], shown["in flight, on average"], shown["requests/s"]), ("1", "1", "0"))
        then, now = (scrape.one("vqscope_queue_oldest_inflight_seconds", device=self.disk) for scrape in (before, after))
        age = next(disk for disk in step["disks"] if disk["name"] == self.disk)["oldest_seconds"]
        self.assertTrue(then < age < now, (then, age, now))
        self.assertEqual(shown["oldest in flight"], words.short_duration(age))
        self.assertFalse(self.browser.run("return document.querySelector('#not-counted').checkVisibility()"))
        self.assertEqual(self.browser.complaints(), [])

    def test_they_are_written_as_doctor_writes_them(self):
        self.start(vqtest.root_disk())
        browser = Browser(self)
        browser.driver.get(self.agent.url.removesuffix("metrics"))
        # Also what lies exactly between two numbers.
        values = [value * 2.0 ** power for value in (1, 3, 5, 7, 9, 1.0001, 1001, 12345.678) for power in range(-40, 24)] + [0.0]
        for name, form in (("grouped", words.grouped), ("duration", words.duration), ("shortDuration", words.short_duration),
                           ("throughput", words.throughput)):
            kept = [value for value in values if name != "throughput" or value == 0 or value > 512]
            kept = [value for value in kept if name != "grouped" or value == 0 or value > 1e-4]
            written = browser.wait("const format = await import(new URL('-/page/format.js', location.href));"
                                   "return arguments[1].map((value) => format[arguments[0]](value));", name, kept)
            self.assertEqual(written, [form(value) for value in kept], name)
        shares = [part / whole for whole in (8, 7, 200, 1000) for part in range(whole + 1)]
        written = browser.wait("const format = await import(new URL('-/page/format.js', location.href));"
                               "return arguments[0].map(format.percent);", shares)
        self.assertEqual(written, [words.percent(share) for share in shares])


if __name__ == "__main__":
    vqtest.main()
