# SPDX-License-Identifier: Apache-2.0
"""Under load on a real disk, the time in queue is that of /proc/diskstats, and avgqu-sz that of iostat."""

import collections
import json
import subprocess
import unittest

import vqtest

WINDOW = 3  # seconds


class IostatParity(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        vqtest.require("fio", "iostat")
        self.disk = vqtest.root_disk()
        self.agent = vqtest.Agent(self, f"--device-include=^{self.disk}$", "--require-probe=block", f"--window={WINDOW}")

    def load(self, *arguments):
        name = self.enterContext(vqtest.scratch_file())
        # Laid out first, so that the load is steady from the beginning.
        vqtest.Fio(f"--filename={name}", "--size=128m", "--rw=write", "--bs=1m", "--end_fsync=1")
        return vqtest.BackgroundFio(self, f"--filename={name}", "--size=128m", "--time_based", "--runtime=120",
                                    *self.where_interrupts_land(), *arguments)

    def where_interrupts_land(self):
        """fio's argument for the vCPU that takes most of the disk's interrupts, if it has any.

        The kernel accounts a request only after it has woken the waiter; the agent's clock stops at the completion. To
        wake one on another vCPU takes an inter-processor interrupt, which is 3 % of a small request's time on some hosts.
        So requests are large as well.
        """
        per_cpu = collections.Counter()
        for labels, value in self.agent.scrape().all("vqscope_irq_interrupts_total", device=self.disk):
            per_cpu[labels["cpu"]] += value
        return [f"--cpus_allowed={cpu}" for cpu, _ in per_cpu.most_common(1)]

    def time_in_queue(self):
        """Seconds by the agent and by the kernel, the latter read just before and just after."""
        before = vqtest.diskstats(self.disk)[11]
        text = self.agent.get()[2].decode()
        after = vqtest.diskstats(self.disk)[11]
        mine = vqtest.Scrape(text).sum("vqscope_queue_time_seconds_total", device=self.disk)
        return mine, (before + after) / 2000

    def check(self, tolerance, *arguments):
        self.load(*arguments)
        command = ["iostat", "-x", "-y", "-o", "JSON", "-d", self.disk, str(WINDOW), "1"]
        # A window goes by in which the load becomes steady: the gauge may look back to before the next.
        vqtest.run(*command)

        def measure():
            before = self.agent.scrape()
            iostat = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            mine_before, kernel_before = self.time_in_queue()
            report = json.loads(iostat.communicate(timeout=60)[0])
            mine, kernel = self.time_in_queue()
            return before, self.agent.scrape(), report, mine - mine_before, kernel - kernel_before

        _, after, report, mine, kernel = vqtest.measure_undisturbed(measure)
        gauge = after.sum("vqscope_queue_avgqu_sz", device=self.disk)
        self.assertAlmostEqual(mine / kernel, 1, delta=tolerance)
        statistics = report["sysstat"]["hosts"][0]["statistics"][0]["disk"][0]
        self.assertGreater(statistics["aqu-sz"], 0.5, "there was no load")
        average = mine / WINDOW
        self.assertAlmostEqual(average / statistics["aqu-sz"], 1, delta=0.05)
        self.assertAlmostEqual(gauge / statistics["aqu-sz"], 1, delta=0.05)

    def test_direct_random_io(self):
        self.check(0.01, "--rw=randrw", "--bs=128k", "--direct=1", "--ioengine=libaio", "--iodepth=16")

    def test_random_writes_with_fsync(self):
        # The kernel accounts a request that waited for a flush only after it has woken the waiter, which takes tens of
        # microseconds where that needs an inter-processor interrupt; the agent's clock stops at the completion.
        self.check(0.02, "--rw=randwrite", "--bs=64k", "--direct=1", "--ioengine=libaio", "--iodepth=16", "--fsync=16")


if __name__ == "__main__":
    vqtest.main()
