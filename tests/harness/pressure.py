# SPDX-License-Identifier: Apache-2.0
"""A limit of memory for some processes: a control group of version 2 or 1, whichever this machine has."""

import os
import pathlib
import unittest

import vqtest

V2, V1 = pathlib.Path("/sys/fs/cgroup"), pathlib.Path("/sys/fs/cgroup/memory")


class MemoryLimit:
    """A control group that may use so much memory, the page cache of what it reads and the kernel's memory included."""

    def __init__(self, test, megabytes):
        if "memory" in _words(V2 / "cgroup.subtree_control"):
            parent, self.v2 = V2, True
        elif (V1 / "memory.limit_in_bytes").exists():
            parent, self.v2 = V1, False
        else:
            raise unittest.SkipTest("no memory control group can be made here")
        self.path = parent / f"vqscope-test-{os.getpid()}"
        try:
            self.path.mkdir()
        except OSError as error:
            raise unittest.SkipTest(f"no memory control group can be made here: {error}") from error
        test.addCleanup(self._remove)
        (self.path / ("memory.max" if self.v2 else "memory.limit_in_bytes")).write_text(str(megabytes << 20))

    def _remove(self):
        vqtest.wait_for(lambda: not _words(self.path / "cgroup.procs"), "the control group to be empty")
        self.path.rmdir()

    def wrapper(self):
        """Put in front of a command, makes it run under the limit."""
        return ("sh", "-c", f'echo $$ > {self.path}/cgroup.procs && exec "$@"', "sh")

    def pressed(self):
        """How often the limit was reached, and something had to be reclaimed."""
        if self.v2:
            return self._event("memory.events", "max")
        return int((self.path / "memory.failcnt").read_text())

    def kills(self):
        """Processes that were killed for want of memory."""
        return self._event("memory.events" if self.v2 else "memory.oom_control", "oom_kill")

    def _event(self, file, name):
        return int(dict(line.split() for line in (self.path / file).read_text().splitlines())[name])


def _words(path):
    return path.read_text().split() if path.exists() else []
