# SPDX-License-Identifier: Apache-2.0
"""vqscope compare of a recording with what the disks do now: fio and a recording of the same time are the witnesses."""

import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import tempfile
import unittest

import vqtest

vqtest.require_root()


class Progress:
    """What a command writes to a terminal that is its standard error."""

    def __init__(self, test):
        self.near, self.far = pty.openpty()
        test.addCleanup(os.close, self.near)
        test.addCleanup(os.close, self.far)
        self.text = ""

    def second(self):
        """How many seconds it has watched; None before the first reading."""
        while select.select([self.near], [], [], 0)[0]:
            self.text += os.read(self.near, 1 << 16).decode()
        seconds = re.findall(r"Watching, (\d+) s of", self.text)
        return int(seconds[-1]) if seconds else None


class Now(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vqscope-compare-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.before = self.folder / "before.vqr"
        self.loop = vqtest.Loop(self)
        self.include = f"--device-include=^{self.loop.name}$"

    def serve(self):
        """The URL of an agent that measures the loop device."""
        return vqtest.Agent(self, self.include).url.removesuffix("/metrics")

    def record(self, seconds=2):
        vqtest.run(vqtest.AGENT, "record", self.before, self.include, f"--duration={seconds}")

    def start(self, *flags, **keywords):
        return subprocess.Popen([vqtest.AGENT, *map(str, flags)], stdout=subprocess.PIPE, text=True, **keywords)

    def load(self):
        vqtest.BackgroundFio(self, f"--filename={self.loop.path}", "--rw=randread", "--bs=4k", "--direct=1",
                             "--time_based", "--runtime=120", "--rate_iops=500")

    def compare(self, *flags, command=(vqtest.AGENT,)):
        return subprocess.run([*command, "compare", self.before, *flags], capture_output=True, text=True, timeout=120)

    def rate(self, document):
        return document["devices"][0]["operations"]["read"]["requests_per_second"]["after"]

    def test_counts_every_request_that_fio_did_until_ctrl_c(self):
        self.record()
        progress = Progress(self)
        watching = self.start("compare", self.before, f"--url={self.serve()}", "--duration=1h", "--json",
                              stderr=progress.far)
        self.addCleanup(watching.kill)
        vqtest.wait_for(lambda: progress.second() is not None, "the first reading")
        fio = vqtest.Fio(f"--filename={self.loop.path}", "--rw=randread", "--bs=4k", "--io_size=4m", "--direct=1")
        done = progress.second()
        vqtest.wait_for(lambda: progress.second() > done + 1, "a reading after that")
        watching.send_signal(signal.SIGINT)
        document = json.loads(watching.communicate(timeout=30)[0])
        self.assertEqual(watching.returncode, 3, document)
        self.assertEqual(round(self.rate(document) * document["after"]["seconds"]), fio.ios("read"))
        self.assertRegex(document["after"]["file"], "^the readings of the agent at http://")
        self.assertRegex(" ".join(document["notes"]), r"ended after \d+ s of 3600 s, by Ctrl-C")

    def test_tells_of_an_agent_that_is_restarted_and_of_one_that_is_gone(self):
        self.record()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        first = vqtest.Agent(self, self.include, f"--web.listen-address={address}")
        progress = Progress(self)
        watching = self.start("compare", self.before, f"--url={address}", "--duration=1h", "--json",
                              stderr=progress.far)
        self.addCleanup(watching.kill)
        vqtest.wait_for(lambda: (progress.second() or 0) > 1, "two readings")
        first.stop()
        vqtest.wait_for(lambda: progress.second() is None or "trying again" in progress.text, "a reading to be missed")
        second = vqtest.Agent(self, self.include, f"--web.listen-address={address}")
        done = progress.second()
        vqtest.wait_for(lambda: progress.second() > done + 1, "readings of the second agent")
        second.stop()
        vqtest.wait_for(lambda: progress.second() and progress.text.count("trying again") > 1, "a reading to be missed")
        watching.send_signal(signal.SIGINT)
        notes = " ".join(json.loads(watching.communicate(timeout=30)[0])["notes"])
        self.assertRegex(notes, r"vqscope was started again, seen \d+ s into the readings of the agent at .*: counters "
                                r"began anew there, so what was done in between \(\d+ s\) is left out")
        self.assertRegex(notes, r"there was no more reading after \d+ s of 3600 s, so what is compared ends there: ")

    def test_says_what_a_recording_of_the_same_time_says(self):
        self.load()
        self.record(3)
        url, after = self.serve(), self.folder / "after.vqr"
        recording = self.start("record", after, f"--url={url}", "--duration=9", stderr=subprocess.DEVNULL)
        watched = self.compare(f"--url={url}", "--duration=9", "--json")
        self.assertEqual(watched.stderr, "")
        self.assertEqual(recording.communicate(timeout=30) and recording.returncode, 0)
        recorded = self.compare(after, "--json")
        self.assertEqual(watched.returncode, recorded.returncode, watched.stdout + recorded.stdout)
        now, then = json.loads(watched.stdout), json.loads(recorded.stdout)
        self.assertEqual([d["verdict"] for d in now["devices"]], [d["verdict"] for d in then["devices"]])
        self.assertEqual(now["changes"], then["changes"])
        self.assertAlmostEqual(self.rate(now), self.rate(then), delta=0.1 * self.rate(then))

    def test_attaches_probes_where_no_agent_measures_the_disk(self):
        self.load()
        self.record()
        done = self.compare("--live", "--duration=2", "--json")
        self.assertIn(done.returncode, (0, 1, 3), done.stderr)
        document = json.loads(done.stdout)
        self.assertEqual([d["after"] for d in document["devices"]], [self.loop.name])
        self.assertGreater(self.rate(document), 0)
        self.assertEqual(document["after"]["file"], f"the readings of {os.uname().nodename}")

    def test_what_cannot_be_watched_is_one_sentence(self):
        self.record()
        vqtest.require("setpriv")
        other = vqtest.Loop(self)
        stranger = vqtest.Agent(self, f"--device-include=^{other.name}$").url
        for sentence, flags, command in (
                ("takes root, or CAP_BPF and CAP_PERFMON, or an agent", ["--live"],
                 [*vqtest.WITHOUT_PROBES, vqtest.AGENT]),
                (f"no disk of {self.before} ({self.loop.name}) is in the agent at", [f"--url={stranger}"],
                 [vqtest.AGENT]),
                ("Couldn't connect", ["--url=127.0.0.1:1"], [vqtest.AGENT])):
            done = self.compare(*flags, command=command)
            self.assertEqual((done.returncode, done.stdout), (4, ""), done.stderr)
            self.assertIn(sentence, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    vqtest.main()
