# SPDX-License-Identifier: Apache-2.0
"""Under a limit of memory that neighbours use up, the agent keeps what it needs and misses nothing."""

import subprocess
import unittest

import pressure
import vqtest

# Of the unit 256; this much is enough for a machine with few disks, start included.
LIMIT_MB = 64


class Memory(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        vqtest.require("losetup", "fio")
        if vqtest.sanitized():
            self.skipTest("a sanitizer needs more memory than the limit")
        self.limit = pressure.MemoryLimit(self, LIMIT_MB)
        self.loop = vqtest.Loop(self)
        self.agent = vqtest.Agent(self, f"--device-include=^{self.loop.name}$", "--require-probe=block",
                                  wrapper=self.limit.wrapper())
        self.agent.wait_for_device(self.loop.name)

    def check_exact(self, before, fio):
        scrape = self.agent.scrape()
        self.assertLessEqual(scrape.requests(self.loop.name, "read"), before + fio)
        self.assertEqual(scrape.missing(self.loop.name, before + fio), 0)
        self.assertIsNone(self.agent.process.poll())

    def read(self):
        return vqtest.Fio(f"--filename={self.loop.path}", "--rw=randread", "--direct=1", "--bs=4k", "--iodepth=8",
                          "--ioengine=libaio", "--number_ios=5003").ios("read")

    def test_beside_a_process_whose_page_cache_fills_the_limit(self):
        before = self.agent.scrape().requests(self.loop.name, "read")
        with vqtest.scratch_file() as name:
            # The page cache counts for whoever wrote it first.
            neighbour = subprocess.Popen([*self.limit.wrapper(), "dd", "if=/dev/zero", f"of={name}", "bs=1M",
                                          f"count={16 * LIMIT_MB}"], stderr=subprocess.DEVNULL)
            self.addCleanup(neighbour.wait)
            self.addCleanup(neighbour.kill)
            pressed = vqtest.wait_for(self.limit.pressed, "the limit to be reached", 60)
            done = self.read()
            for _ in range(20):
                self.agent.scrape()
            self.assertGreater(self.limit.pressed(), pressed)
            neighbour.kill()
            neighbour.wait()
        self.check_exact(before, done)
        self.assertEqual(self.limit.kills(), 0)

    def test_beside_a_process_that_is_killed_for_taking_too_much(self):
        before = self.agent.scrape().requests(self.loop.name, "read")
        hog = subprocess.run([*self.limit.wrapper(), "tail", "/dev/zero"], stderr=subprocess.DEVNULL, timeout=60)
        self.assertNotEqual(hog.returncode, 0)
        self.assertEqual(self.limit.kills(), 1)
        self.check_exact(before, self.read())


if __name__ == "__main__":
    vqtest.main()
