# SPDX-License-Identifier: Apache-2.0
"""Interrupts per vCPU and line are those of /proc/interrupts, exactly; so is what is derived from them."""

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

    def check(self, agent):
        name = self.enterContext(vqtest.scratch_file())
        load = ["--size=32m", "--bs=4k", "--direct=1", "--ioengine=libaio", "--number_ios=5001", f"--filename={name}"]
        vqtest.Fio("--rw=randwrite", "--iodepth=1", *load)
        irqs = {irq for irq, _ in self.per_cpu(agent.scrape())}
        self.assertTrue(irqs, "the disk has no interrupts")
        kernel_before, before = vqtest.with_interrupts(irqs, agent.scrape)
        vqtest.Fio("--rw=randread", "--iodepth=1", *load)
        vqtest.Fio("--rw=randread", "--iodepth=64", *load)
        kernel_after, after = vqtest.with_interrupts(irqs, agent.scrape)
        mine_before, mine_after = self.per_cpu(before), self.per_cpu(after)
        total = 0
        for irq, cpus in kernel_after.items():
            for cpu, count in cpus.items():
                delta = count - kernel_before[irq][cpu]
                self.assertEqual(mine_after.get((irq, cpu), 0) - mine_before.get((irq, cpu), 0), delta, (irq, cpu))
                total += delta
        self.assertGreater(total, 0)
        return total, before, after

    def test_traced_interrupts_equal_the_kernels(self):
        agent = vqtest.Agent(self, f"--device-include=^{self.disk}$", "--require-probe=irq", "--require-probe=block")
        total, before, after = self.check(agent)
        handled = after.sum("vqscope_irq_handler_seconds_count", device=self.disk) - before.sum(
            "vqscope_irq_handler_seconds_count", device=self.disk)
        self.assertEqual(handled, total)
        # Every completion was either on the submitting vCPU's interrupt or on another's.
        requests = after.requests(self.disk) - before.requests(self.disk)
        completions = after.sum("vqscope_queue_completions_total", device=self.disk) - before.sum(
            "vqscope_queue_completions_total", device=self.disk)
        self.assertEqual(completions, requests)

    def test_without_bpf_they_come_from_sysfs(self):
        vqtest.require("setpriv")
        agent = vqtest.Agent(self, f"--device-include=^{self.disk}$", wrapper=["setpriv", "--bounding-set=-all"])
        self.check(agent)


if __name__ == "__main__":
    vqtest.main()
