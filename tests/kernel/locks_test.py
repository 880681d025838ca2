# SPDX-License-Identifier: Apache-2.0
"""Waits for the disk's locks are those that the kernel's own trace events tell of the same locks, and take as long."""

import pathlib
import re
import unittest

import lock_waits
import tracing
import vqtest

BEGIN, END = "lock/contention_begin", "lock/contention_end"


class Waits(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        vqtest.require("fio")
        self.disk = vqtest.root_disk()
        self.scheduler = pathlib.Path(f"/sys/block/{self.disk}/queue/scheduler")
        before = re.search(r"\[(.*)\]", self.scheduler.read_text()).group(1)
        self.addCleanup(self.scheduler.write_text, before)
        self.file = self.enterContext(vqtest.scratch_file())
        vqtest.Fio(f"--filename={self.file}", "--size=128m", "--rw=write", "--bs=1m", "--end_fsync=1")

    def load(self, jobs, seconds):
        vqtest.Fio(f"--filename={self.file}", "--size=128m", "--rw=randread", "--bs=4k", "--direct=1", "--ioengine=io_uring",
                   "--iodepth=16", f"--numjobs={jobs}", "--group_reporting", "--time_based", f"--runtime={seconds}")

    def check(self, elevator, jobs):
        if elevator not in self.scheduler.read_text():
            self.skipTest(f"this kernel has no {elevator} elevator")
        self.scheduler.write_text(elevator)
        agent = vqtest.Agent(self, f"--device-include=^{self.disk}$", "--require-probe=block", "--require-probe=lock")
        with tracing.Tracing({BEGIN: "flags == 1"}, stacktrace=1, hash_ptr=0) as trace:
            self.load(jobs, 4)  # the agent learns within a second or two where the locks are
        locks = lock_waits.find(trace.text)
        if not locks:
            self.skipTest("nobody waited for a lock of the disk, or this kernel does not tell of it")
        condition = " || ".join(f"lock_addr == {address:#x}" for address in locks)
        with tracing.Tracing({END: condition, BEGIN: condition}, hash_ptr=0) as trace:
            before = agent.scrape()
            self.load(jobs, 5)
            after = agent.scrape()
        told = after.lost().get("lock_wait", 0) - before.lost().get("lock_wait", 0)
        for lock, (count, time) in lock_waits.add_up(trace.events, locks).items():
            mine = self.growth(before, after, "vqscope_lock_waits_total", lock)
            took = self.growth(before, after, "vqscope_lock_wait_seconds_total", lock)
            theirs = trace.seconds(time)
            print(f"{elevator}, {jobs} jobs, {lock}: {count} waits, {theirs * 1e6:.1f} us; agent {mine:.0f}, "
                  f"{took * 1e6:.1f} us, told as lost {told}")
            self.assertLessEqual(mine, count, lock)
            self.assertGreaterEqual(mine + told, count, lock)
            if mine == count:
                self.assertAlmostEqual(took / theirs, 1, delta=0.01 if theirs >= 0.001 else 0.05, msg=lock)
                self.assertLessEqual(took / count, after.sum("vqscope_lock_wait_longest_seconds", device=self.disk, lock=lock))

    def growth(self, before, after, name, lock):
        return after.sum(name, device=self.disk, lock=lock) - before.sum(name, device=self.disk, lock=lock)

    def test_two_jobs_without_elevator(self):
        self.check("none", 2)

    def test_eight_jobs_without_elevator(self):
        self.check("none", 8)

    def test_two_jobs_with_mq_deadline(self):
        self.check("mq-deadline", 2)

    def test_eight_jobs_with_mq_deadline(self):
        self.check("mq-deadline", 8)


if __name__ == "__main__":
    vqtest.main()
