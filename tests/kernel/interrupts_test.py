# SPDX-License-Identifier: Apache-2.0
"""Interrupts per vCPU and line are those of /proc/interrupts, exactly; so is what is derived from them.

Of interrupts that this kernel runs no programs for, the agent has to tell as many as are missing.
"""

import unittest

import vqtest


class Interrupts(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        self.disk = vqtest.root_disk()

    def per_cpu(self, scrape):
        """(irq, CPU) -> count."""
        return {(int(l["irq"]), int(l["cpu"])): int(v)
                for l, v in scrape.all("vqscope_irq_interrupts_total", device=self.disk)}

    def load(self, *arguments):
        vqtest.Fio("--size=32m", "--bs=4k", "--direct=1", "--ioengine=libaio", "--number_ios=5001",
                   f"--filename={self.file}", *arguments)

    def start(self, *flags, **keywords):
        """The agent, and the disk's interrupts."""
        self.file = self.enterContext(vqtest.scratch_file())
        agent = vqtest.Agent(self, f"--device-include=^{self.disk}$", *flags, **keywords)
        self.load("--rw=randwrite", "--iodepth=1")
        irqs = {irq for irq, _ in self.per_cpu(agent.scrape())}
        self.assertTrue(irqs, "the disk has no interrupts")
        return agent, irqs

    def check(self, agent, irqs):
        """Loads the disk; returns scrapes before and after, and by (irq, CPU) what the kernel and the agent counted."""
        kernel_before, before = vqtest.with_interrupts(irqs, agent.scrape)
        self.load("--rw=randread", "--iodepth=1")
        self.load("--rw=randread", "--iodepth=64")
        kernel_after, after = vqtest.with_interrupts(irqs, agent.scrape)
        mine_before, mine_after = self.per_cpu(before), self.per_cpu(after)
        kernel = {(irq, cpu): count - kernel_before[irq][cpu]
                  for irq, cpus in kernel_after.items() for cpu, count in cpus.items()}
        mine = {place: mine_after.get(place, 0) - mine_before.get(place, 0) for place in kernel}
        self.assertGreater(sum(kernel.values()), 0)
        return before, after, kernel, mine

    def test_traced_interrupts_equal_the_kernels(self):
        agent, irqs = self.start("--require-probe=irq", "--require-probe=block")
        before, after, kernel, mine = self.check(agent, irqs)
        missed = {place: kernel[place] - mine[place] for place in kernel}
        if any(missed.values()):
            self.assertGreaterEqual(min(missed.values()), 0, missed)
            self.check_told(agent, sum(missed.values()), before)
            raise unittest.SkipTest(f"this kernel ran no program for {sum(missed.values())} interrupts, as the agent told")
        handled = after.sum("vqscope_irq_handler_seconds_count", device=self.disk) - before.sum(
            "vqscope_irq_handler_seconds_count", device=self.disk)
        self.assertEqual(handled, sum(kernel.values()))
        # Every completion was either on the submitting vCPU's interrupt or on another's.
        requests = after.requests(self.disk) - before.requests(self.disk)
        completions = after.sum("vqscope_queue_completions_total", device=self.disk) - before.sum(
            "vqscope_queue_completions_total", device=self.disk)
        self.assertEqual(completions, requests)

    def check_told(self, agent, missed, before):
        """Waits until the agent has looked twice, and told of the interrupts that were missed."""
        told = before.lost().get("missed_interrupt", 0) + missed
        vqtest.wait_for(lambda: agent.scrape().lost().get("missed_interrupt", 0) >= told,
                        f"the agent to tell of {missed} interrupts that it missed", 40)

    def test_without_bpf_they_come_from_sysfs(self):
        vqtest.require("setpriv")
        agent, irqs = self.start(wrapper=["setpriv", "--bounding-set=-all"])
        _, _, kernel, mine = self.check(agent, irqs)
        self.assertEqual(mine, kernel)


if __name__ == "__main__":
    vqtest.main()
