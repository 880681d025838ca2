# SPDX-License-Identifier: Apache-2.0
"""Disks that come and go faster than the agent looks: nothing is counted under the name of another."""

import fcntl
import os
import tempfile
import unittest

import vqtest

LOOP_CTL_ADD, LOOP_CTL_REMOVE = 0x4C80, 0x4C81  # linux/loop.h
ROUNDS = 150  # about a third of them take number and memory of the first disk's queue


class Renamed(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        vqtest.require("losetup", "dd", "nsenter", "unshare")
        self.control = os.open("/dev/loop-control", os.O_RDWR)
        self.addCleanup(os.close, self.control)
        handle, self.backing = tempfile.mkstemp(prefix="vqscope-loop-", dir="/dev/shm")
        os.truncate(handle, 1 << 20)
        os.close(handle)
        self.addCleanup(os.unlink, self.backing)
        # Queues are freed where they were made, and the memory that was freed last is used first.
        affinity = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, affinity)
        os.sched_setaffinity(0, {min(affinity)})

    def add(self, number):
        """A disk of this number, with a request_queue of its own, unlike those of `losetup --find`."""
        fcntl.ioctl(self.control, LOOP_CTL_ADD, number)
        vqtest.run("losetup", f"/dev/loop{number}", self.backing)

    def remove(self, number):
        vqtest.run("losetup", "--detach", f"/dev/loop{number}")

        def removed():
            try:
                fcntl.ioctl(self.control, LOOP_CTL_REMOVE, number)
                return True
            except OSError:  # still open somewhere
                return False

        vqtest.wait_for(removed, f"loop{number} to go")

    def read(self, number):
        vqtest.run("dd", f"if=/dev/loop{number}", "of=/dev/null", "bs=4k", "count=7", "iflag=direct")

    def test_a_disk_that_takes_over_the_queue_of_another_is_not_counted_as_that(self):
        first, others = 3001, (3002, 3003, 3004)
        agent = vqtest.Agent(self, "--device-include=^loop", "--require-probe=block", wrapper=("unshare", "--mount"))
        self.add(first)
        agent.wait_for_device(f"loop{first}")
        self.read(first)
        before = agent.scrape().requests(f"loop{first}", "read")
        self.assertGreaterEqual(before, 7)
        # The agent cannot see what happens to the disks until it is over.
        namespace = f"--mount=/proc/{agent.process.pid}/ns/mnt"
        vqtest.run("nsenter", namespace, "mount", "-t", "tmpfs", "none", "/sys")
        self.remove(first)
        for round_number in range(ROUNDS):
            number = others[round_number % len(others)]
            self.add(number)
            self.read(number)
            self.remove(number)
        self.assertEqual(agent.scrape().requests(f"loop{first}", "read"), before)
        self.add(others[0])
        vqtest.run("nsenter", namespace, "umount", "/sys")
        agent.wait_for_device(f"loop{others[0]}")
        self.assertEqual(agent.scrape().requests(f"loop{others[0]}"), 0)
        self.read(others[0])
        scrape = agent.scrape()
        self.assertEqual(scrape.missing(f"loop{others[0]}", 7), 0)
        self.assertNotIn(f'device="loop{first}"', scrape.text)
        self.remove(others[0])


if __name__ == "__main__":
    vqtest.main()
