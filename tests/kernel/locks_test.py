# SPDX-License-Identifier: Apache-2.0
"""Waits for the disk's locks are those that the kernel's own trace events tell of the same locks, and take as long."""

import os
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
        # The kernel calls who listens to an event in the order in which they came, and each delays those after it, mostly
        # more at a wait's begin, where little of it is in the CPU's cache, than at its end. So there are two witnesses, one
        # before the agent and one after it, and what the agent sees lies between what they see.
        with tracing.Tracing({END: "", BEGIN: "flags == 1"}, hash_ptr=0) as first:
            agent = vqtest.Agent(self, f"--device-include=^{self.disk}$", "--require-probe=block", "--require-probe=lock")
            with tracing.Tracing({BEGIN: "flags == 1"}, stacktrace=1, hash_ptr=0) as trace:
                self.load(jobs, 4)  # the agent learns within a second or two where the locks are
            locks = lock_waits.find(trace.text)
            if not locks:
                self.skipTest("nobody waited for a lock of the disk, or this kernel does not tell of it")
            condition = " || ".join(f"lock_addr == {address:#x}" for address in locks)
            around = [agent.scrape()]
            with tracing.Tracing({END: condition, BEGIN: condition}, hash_ptr=0) as last:
                within = [agent.scrape()]
                self.load(jobs, 5)
                within.append(agent.scrape())
            around.append(agent.scrape())
        told = around[1].lost().get("lock_wait", 0) - around[0].lost().get("lock_wait", 0)
        begun, ended = (at for _, at, event, _ in last.events if event == "tracing_mark_write")
        seen_first = lock_waits.add_up([event for event in first.events if begun <= event[1] <= ended], locks)
        for lock, (count, time) in lock_waits.add_up(last.events, locks).items():
            least, most = (self.growth(*scrapes, "vqscope_lock_waits_total", lock) for scrapes in (within, around))
            took = self.growth(*within, "vqscope_lock_wait_seconds_total", lock)
            shorter, longer = sorted((first.seconds(seen_first[lock][1]), last.seconds(time)))
            print(f"{elevator}, {jobs} jobs, {lock}: {count} waits, {shorter * 1e6:.1f} to {longer * 1e6:.1f} us; agent {least:.0f} "
                  f"to {most:.0f}, {took * 1e6:.1f} us, told as lost {told}")
            self.assertLessEqual(least, count, lock)
            # One whose end no program was run for is told when its CPU waits for the lock again.
            self.assertGreaterEqual(most + told + os.cpu_count(), count, lock)
            if least == most == count == seen_first[lock][0]:
                error = 0.01 if shorter >= 0.001 else 0.05
                self.assertLessEqual(took, longer * (1 + error), lock)
                self.assertGreaterEqual(took, shorter * (1 - error), lock)
                self.assertLessEqual(took / count,
                                     around[1].sum("vqscope_lock_wait_longest_seconds", device=self.disk, lock=lock))

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
