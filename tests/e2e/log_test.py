# SPDX-License-Identifier: Apache-2.0
"""The log cannot be written: on a full disk, to a pipe that nobody reads, or one whose reader is gone."""

import fcntl
import os
import pathlib
import re
import tempfile
import unittest

import vqtest

F_SETPIPE_SZ = 1031  # linux/fcntl.h


class LogsToFullDisk(vqtest.Agent):
    """Its log lies on a small file system of its own; fill() and free()."""

    def open_log(self, test):
        vqtest.require("mount")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vqscope-full-"))
        test.addCleanup(self.folder.rmdir)
        vqtest.run("mount", "-t", "tmpfs", "-o", "size=64k", "none", self.folder)
        test.addCleanup(vqtest.run, "umount", self.folder)
        self.ballast = self.folder / "ballast"
        return open(self.folder / "log", "a+", encoding="utf-8")

    def fill(self):
        for path, piece in ((self.ballast, bytes(4096)), (self.log.name, b"\n")):
            try:
                with open(path, "ab", buffering=0) as file:
                    while True:
                        file.write(piece)
            except OSError:
                pass
        if os.statvfs(self.folder).f_bavail:
            raise AssertionError("the disk is not full")

    def free(self):
        self.ballast.unlink()


class LogsToPipe(vqtest.Agent):
    """Its log is a pipe of two pages, and has room for a line while one of them is empty."""

    def open_log(self, test):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, F_SETPIPE_SZ, 8192)
        os.set_blocking(reader, False)
        self.reader, self.text = open(reader, "rb", buffering=0), b""
        test.addCleanup(self.reader.close)
        return os.fdopen(writer, "w")

    def output(self):
        """What was logged, read as far as it is there."""
        if not self.reader.closed:
            self.text += self.reader.read() or b""
        return self.text.decode()

    def fill(self):
        """Until a line of log does not fit in."""
        # A description of its own: only this one does not wait.
        filler = os.open(f"/proc/self/fd/{self.log.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
        try:
            while True:
                os.write(filler, b"\n")
        except BlockingIOError:
            pass
        finally:
            os.close(filler)


class Log(unittest.TestCase):
    FLAGS = ("--device-include=^loop", "--require-probe=block")

    def setUp(self):
        vqtest.require_root()
        vqtest.require("losetup", "fio")

    def check_measures(self, agent):
        """A disk comes, for which the agent has a line to write, and its requests are counted."""
        loop = vqtest.Loop(self)
        agent.wait_for_device(loop.name)
        fio = vqtest.Fio(f"--filename={loop.path}", "--rw=randread", "--direct=1", "--bs=4k", "--number_ios=101")
        self.assertEqual(agent.scrape().missing(loop.name, fio.ios("read")), 0)
        self.assertIsNone(agent.process.poll())
        return loop.name

    def check_tells_what_was_lost(self, agent, lost, after, reason):
        # Disks of other tests come and go, too, with lines of their own.
        told = [int(count) for count in re.findall(
            rf"warning: (\d+) log messages? could not be written: {reason}\n", agent.output())]
        self.assertGreaterEqual(sum(told), len(lost), agent.output())
        self.assertRegex(agent.output(), rf"log messages? could not be written: {reason}\n(.*\n)*\S+ info: disk {after} appeared")
        for name in lost:
            self.assertNotIn(f"disk {name} appeared", agent.output())

    def test_on_a_full_disk(self):
        agent = LogsToFullDisk(self, *self.FLAGS)
        agent.fill()
        lost = [self.check_measures(agent) for _ in range(2)]
        agent.free()
        self.check_tells_what_was_lost(agent, lost, self.check_measures(agent), "No space left on device")

    def test_to_a_pipe_that_nobody_reads(self):
        agent = LogsToPipe(self, *self.FLAGS)
        agent.fill()
        lost = [self.check_measures(agent) for _ in range(2)]
        agent.output()
        self.check_tells_what_was_lost(agent, lost, self.check_measures(agent), "nobody read them")

    def test_to_a_pipe_whose_reader_is_gone(self):
        agent = LogsToPipe(self, *self.FLAGS)
        agent.reader.close()
        self.check_measures(agent)
        self.assertEqual(agent.stop(), 0)


if __name__ == "__main__":
    vqtest.main()
