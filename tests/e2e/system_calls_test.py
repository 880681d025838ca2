# SPDX-License-Identifier: Apache-2.0
"""Of all that the agent asks of the kernel, from its start to its end, strace is the witness."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import service
import vqtest

RESUMED = "(resumed) "


class SystemCalls(unittest.TestCase):
    # Thread, name and the rest; or the end of a call that was interrupted by another thread's, which has no path that the
    # call was given: what readlink() found would look like one.
    CALL = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(|( resumed>))(.*)$")
    PATHS = re.compile(r'^(?:AT_FDCWD(?:<[^>]*>)?, |\d+<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')
    WITH_PATHS = {"open", "openat", "openat2", "creat", "stat", "lstat", "newfstatat", "statx", "access", "faccessat",
                  "faccessat2", "readlink", "readlinkat", "statfs", "execve", "unlink", "unlinkat", "mkdir", "chdir",
                  "inotify_add_watch"}

    def setUp(self):
        vqtest.require_root()
        vqtest.require("strace", "fio", "losetup", "blockdev")
        if vqtest.sanitized():
            self.skipTest("a sanitizer opens files, and looks for leaks as no traced process can")
        tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            self.skipTest(f"strace cannot trace here: {tried.stderr.strip()}")

    def trace(self):
        """The calls of a whole life, before and after the filter of system calls was installed."""
        loop = vqtest.Loop(self)
        handle, path = tempfile.mkstemp(prefix="vqscope-strace-")
        self.addCleanup(os.unlink, path)
        os.close(handle)
        manager = service.NotifySocket(self)
        # -D: the agent stays our child, and gets our signals.
        agent = vqtest.Agent(self, "--device-include=^loop", wrapper=(
            *manager.wrapper(10000000), "strace", "-D", "-f", "-y", "-s", "200", "-o", path))
        agent.wait_for_device(loop.name)
        comes = vqtest.Loop(self)
        agent.wait_for_device(comes.name)
        for accept in ("", vqtest.PROTOBUF):
            self.assertEqual(agent.get(Accept=accept, Accept_Encoding="gzip")[0], 200)
        for page, status in (("/", 200), ("/-/snapshot", 200), ("/-/ready", 200), ("/none", 404)):
            self.assertEqual(agent.get(page)[0], status)
        # Twelve readings: a window of findings has ended, and disks were looked for without being told to.
        for _ in range(12):
            manager.wait_for("WATCHDOG=1")
        self.assertEqual(agent.stop(), 0)
        text = pathlib.Path(path).read_text  # strace writes the last part of it when it ends
        vqtest.wait_for(lambda: "+++ exited with 0 +++" in text(), "strace to end")
        return self.calls(text())

    def calls(self, text):
        found = filter(None, map(self.CALL.match, text.splitlines()))
        calls = [(name, RESUMED + rest if resumed else rest) for name, resumed, rest in (call.groups() for call in found)]
        last = max(i for i, (name, rest) in enumerate(calls) if name == "seccomp" and "SET_MODE_FILTER" in rest)
        return calls[:last + 1], calls[last + 1:]

    def test_nothing_is_opened_and_no_right_used_once_it_serves(self):
        before, after = self.trace()
        self.assertGreater(len(before), 100)
        strangers = set()
        looked_at = 0
        for name, rest in after:
            if rest.startswith(RESUMED):
                continue
            found = self.PATHS.match(rest) if name in self.WITH_PATHS else None
            if not found:
                self.assertFalse(name in self.WITH_PATHS and '"/' in rest, f"{name}({rest}")
                continue
            place = os.path.normpath(os.path.join(found.group(1) or "/", found.group(2)))
            looked_at += 1
            if not (place + "/").startswith(("/proc/", "/sys/")):
                strangers.add((name, place))
        self.assertGreater(looked_at, 100)
        self.assertGreater(sum('"/proc/stat"' in rest for _, rest in after), 2)
        self.assertEqual(strangers, set())
        # Nothing that the agent does runs into the filter.
        refused = {name for name, rest in after if "ENOSYS" in rest}
        self.assertLessEqual(refused, {"clone3"})
        self.assertIn("sendmsg", {name for name, _ in after})  # to the service manager
        for forbidden in ("bpf", "perf_event_open", "execve", "capset", "connect"):
            self.assertNotIn(forbidden, {name for name, _ in after})
        self.assertIn("bpf", {name for name, _ in before})

    def test_the_units_filter_allows_every_call(self):
        vqtest.require("systemd-analyze")
        unit = pathlib.Path(__file__).parents[2] / "deploy/systemd/vqscope.service"
        filters = re.findall(r"^SystemCallFilter=(.*)$", unit.read_text(), re.MULTILINE)
        allowed = set()
        for words in filters:
            named = set()
            for word in words.removeprefix("~").split():
                named |= self.expand(word) if word.startswith("@") else {word}
            allowed = allowed - named if words.startswith("~") else allowed | named
        before, after = self.trace()
        # systemd adds the calls without which nothing could be executed.
        self.assertEqual({name for name, _ in before + after} - allowed - self.expand("@default"), set())

    def expand(self, group):
        calls = set()
        for line in vqtest.run("systemd-analyze", "syscall-filter", group).splitlines()[1:]:
            word = line.strip()
            if word.startswith("@"):
                calls |= self.expand(word)
            elif word and not word.startswith("#"):
                calls.add(word)
        return calls


if __name__ == "__main__":
    vqtest.main()
