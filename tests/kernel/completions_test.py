# SPDX-License-Identifier: Apache-2.0
"""How long completions are under way in the guest, and what they cost its vCPUs, against the kernel's own trace events."""

import collections
import pathlib
import re
import unittest

import tracing
import vqtest

# Seconds that the trace itself takes between the two readings of the clock at an interrupt, which finds the caches cold.
TRACED = 0.5e-6
REQUEST = re.compile(r"\S+ (\S+) (?:\d+ )?\(.*?\) (\d+ \+ \d+)")


class Completions(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        vqtest.require("fio")
        self.disk = vqtest.root_disk()
        self.file = self.enterContext(vqtest.scratch_file())
        vqtest.Fio(f"--filename={self.file}", "--size=128m", "--rw=write", "--bs=1m", "--end_fsync=1")
        self.agent = vqtest.Agent(self, f"--device-include=^{self.disk}$", "--require-probe=block", "--require-probe=irq")
        self.load(1, "--number_ios=1000")
        irqs = {int(labels["irq"]) for labels, _ in self.agent.scrape().all("vqscope_irq_interrupts_total",
                                                                             device=self.disk)}
        if not irqs:
            self.skipTest("the disk has no interrupts")
        major, minor = map(int, pathlib.Path(f"/sys/block/{self.disk}/dev").read_text().split(":"))
        on_disk = f"dev == {major << 20 | minor}"
        on_line = " || ".join(f"irq == {irq}" for irq in irqs)
        self.events = {"block/block_rq_complete": on_disk, "block/block_rq_issue": on_disk,
                       "irq/irq_handler_entry": on_line, "irq/irq_handler_exit": on_line,
                       "irq/softirq_entry": "vec == 4", "irq/softirq_exit": "vec == 4"}

    def load(self, jobs, *arguments):
        # Each job has blocks of its own, so that no two requests in flight are for the same.
        size = f"{128 // jobs}m"
        vqtest.Fio(f"--filename={self.file}", f"--numjobs={jobs}", f"--size={size}", f"--offset_increment={size}",
                   "--rw=randread", "--bs=4k", "--direct=1", "--ioengine=libaio", "--group_reporting", *arguments)

    def measure(self, jobs, *arguments):
        """Scrapes before and after a load, and what was traced in between: see sums()."""
        with tracing.Tracing(self.events) as trace:
            before = self.agent.scrape()
            self.load(jobs, *arguments)
            after = self.agent.quiet_scrape(self.disk)
        return before, after, self.sums(trace)

    def sums(self, trace):
        """Counts, and sums of seconds: of completions, at the device and under way, of handlers and softirqs by CPU."""
        sums, issued, began, entry = collections.Counter(), {}, {}, 0
        handled = collections.Counter()  # by CPU, until now
        for cpu, at, event, text in trace.events:
            if event == "block_rq_issue":
                issued[REQUEST.match(text).groups()] = at
            elif event == "block_rq_complete":
                issue = issued.pop(REQUEST.match(text).groups(), None)
                if issue is not None and entry:
                    sums["requests"] += 1
                    sums["device"] += trace.seconds(at - issue)
                    sums["delay"] += trace.seconds(at - max(issue, entry))
            elif event == "irq_handler_entry":
                entry = began[cpu, "irq"] = at
            elif event == "irq_handler_exit" and (cpu, "irq") in began:
                handled[cpu] += trace.seconds(at - began.pop((cpu, "irq")))
                sums["runs", "hardirq", cpu] += 1
            elif event == "softirq_entry":
                began[cpu, "softirq"] = at, handled[cpu]
            elif event == "softirq_exit" and (cpu, "softirq") in began:
                since, before = began.pop((cpu, "softirq"))
                sums["runs", "softirq", cpu] += 1
                sums["softirq", cpu] += trace.seconds(at - since) - (handled[cpu] - before)
        sums.update({("hardirq", cpu): seconds for cpu, seconds in handled.items()})
        return sums

    def check(self, jobs, *arguments):
        before, after, traced = vqtest.measure_undisturbed(lambda: self.measure(jobs, *arguments))

        def grown(name, **labels):
            return after.sum(name, **labels) - before.sum(name, **labels)

        requests = grown("vqscope_request_device_latency_seconds_count", device=self.disk)
        self.assertGreater(traced["requests"], 1000)
        # Others may use the disk in the moments between the scrapes and the switching of the events.
        self.assertAlmostEqual(requests / traced["requests"], 1, delta=0.02)
        delay = grown("vqscope_completion_delay_seconds_total", device=self.disk)
        mean, witness = delay / requests, traced["delay"] / traced["requests"]
        print(f"{jobs} jobs, {' '.join(arguments)}: completion delay {mean * 1e6:.2f} us, by the trace {witness * 1e6:.2f} us of "
              f"{traced['device'] / traced['requests'] * 1e6:.1f} us at the device")
        self.assertAlmostEqual(mean, witness, delta=max(0.02 * witness, TRACED))
        # What is left is the time at the host.
        device = grown("vqscope_request_device_latency_seconds_sum", device=self.disk)
        host = (traced["device"] - traced["delay"]) / traced["requests"]
        self.assertAlmostEqual((device - delay) / requests / host, 1, delta=0.02)
        for _, context, cpu in [key for key in traced if key[0] == "runs"]:
            theirs, runs = traced[context, cpu], traced["runs", context, cpu]
            mine = grown("vqscope_completion_cpu_seconds_total", cpu=str(cpu), context=context)
            print(f"CPU {cpu}, {context}, {runs} times: {mine * 1e3:.1f} ms, by the trace {theirs * 1e3:.1f} ms")
            self.assertAlmostEqual(mine, theirs, delta=0.05 * theirs + TRACED * runs)

    def test_one_request_at_a_time(self):
        self.check(1, "--iodepth=1", "--number_ios=20000")

    def test_two_jobs(self):
        self.check(2, "--iodepth=16", "--number_ios=40000")

    def test_eight_jobs(self):
        self.check(8, "--iodepth=16", "--number_ios=10000")


class WithoutInterrupts(unittest.TestCase):
    def test_there_is_no_delay_of_completions(self):
        vqtest.require_root()
        loop = vqtest.Loop(self)
        agent = vqtest.Agent(self, f"--device-include=^{loop.name}$", "--require-probe=block")
        agent.wait_for_device(loop.name)
        fio = vqtest.Fio(f"--filename={loop.path}", "--rw=randread", "--direct=1", "--bs=4k", "--number_ios=503")
        scrape = agent.quiet_scrape(loop.name)
        self.assertEqual(scrape.missing(loop.name, fio.ios("read")), 0)
        self.assertEqual(scrape.all("vqscope_completion_delay_seconds_total", device=loop.name), [])


if __name__ == "__main__":
    vqtest.main()
