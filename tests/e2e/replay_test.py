# SPDX-License-Identifier: Apache-2.0
"""vqscope doctor, record and compare of a recording, by a user without rights: fio is the witness."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import vqtest

vqtest.require_root()
vqtest.require("fio", "setpriv")


class Replay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="vqscope-replay-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.folder.chmod(0o777)
        cls.file = cls.folder / "run.vqr"

    def setUp(self):
        if self.file.exists():
            return
        loop = vqtest.Loop(self)
        type(self).disk = loop.name
        recorder = subprocess.Popen([vqtest.AGENT, "record", self.file, f"--device={loop.name}", "--note=exact"],
                                    stderr=subprocess.PIPE, text=True)
        self.addCleanup(recorder.stderr.close)
        self.addCleanup(recorder.wait, 30)
        self.addCleanup(recorder.kill)
        while "recording " not in (line := recorder.stderr.readline()):
            self.assertTrue(line, "the recorder ended")
        type(self).fio = vqtest.Fio(f"--filename={loop.path}", "--rw=randread", "--bs=4k", "--io_size=8m", "--direct=1")
        size = self.file.stat().st_size
        for _ in range(3):
            vqtest.wait_for(lambda: self.file.stat().st_size > size, "another reading", 30)
            size = self.file.stat().st_size
        recorder.terminate()
        self.assertEqual(recorder.wait(30), 0)

    NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")

    def vqscope(self, *arguments, **keywords):
        done = subprocess.run([*self.NOBODY, os.path.abspath(vqtest.AGENT), *map(str, arguments)], capture_output=True,
                              timeout=120, **keywords)
        if done.returncode == 127 or b"setpriv: failed to execute" in done.stderr:
            self.skipTest(f"nobody cannot run {vqtest.AGENT}")
        return done

    def examine(self, *arguments, **keywords):
        done = self.vqscope("doctor", "--json", *arguments, **keywords)
        self.assertEqual(done.stderr, b"")
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, report["status"])
        return report

    @staticmethod
    def requests(report):
        disk, = report["disks"]
        return round(disk["requests_per_second"] * report["window_seconds"])

    def test_the_doctor_counts_every_request_that_was_recorded(self):
        report = self.examine("--replay", self.file)
        self.assertEqual(self.requests(report), self.fio.ios("read"))
        self.assertEqual((report["disks"][0]["device"], report["origin"]["place"], report["origin"]["note"]),
                         (self.disk, str(self.file), "exact"))
        piped = self.examine("--replay", "-", "--from", "0", "--to=1h", input=self.file.read_bytes())
        self.assertEqual(self.requests(piped), self.fio.ios("read"))
        self.assertEqual(piped["origin"]["place"], "standard input")
        pipe = subprocess.run([vqtest.AGENT, "doctor", "--json", "--replay=/dev/stdin", "--from=0"],
                              input=self.file.read_bytes(), capture_output=True, timeout=120)
        self.assertEqual(self.requests(json.loads(pipe.stdout)), self.fio.ios("read"))
        for form in ("text", "md"):
            done = self.vqscope("doctor", "--replay", self.file, "--format", form)
            self.assertEqual(done.returncode, report["status"], done.stderr)
            self.assertIn(b"run.vqr", done.stdout)

    def test_nothing_of_this_machine_is_in_the_report(self):
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        here, nowhere = (self.vqscope("doctor", "--replay", self.file, *paths)
                         for paths in ((), (f"--path.sysfs={empty}", f"--path.procfs={empty}")))
        self.assertEqual((here.returncode, here.stdout), (nowhere.returncode, nowhere.stdout))
        traced = self.folder / "trace"
        if subprocess.run(["which", "strace"], capture_output=True).returncode == 0:
            subprocess.run(["strace", "-f", "-e", "trace=file", "-o", traced, vqtest.AGENT, "doctor", "--replay", self.file],
                           stdout=subprocess.DEVNULL)
            for line in traced.read_text().splitlines():
                self.assertNotIn('"/sys/', line.replace("/sys/devices/system/cpu", ""))

    def test_the_pieces_of_a_copy_have_the_requests_of_the_whole(self):
        whole = self.examine("--replay", self.file)
        middle = whole["window_seconds"] / 2
        sums = 0
        for name, *piece in (("a.vqr", "--to", middle), ("b.vqr", "--from", middle)):
            done = self.vqscope("record", self.folder / name, "--replay", self.file, *(
                p if isinstance(p, str) else f"{p:.3f}" for p in piece))
            self.assertEqual(done.returncode, 0, done.stderr)
            sums += self.requests(self.examine("--replay", self.folder / name))
        # What came between the last reading of one and the first of the other is in neither.
        self.assertLessEqual(sums, self.fio.ios("read"))
        copy = self.vqscope("record", "-", "--replay", "-", input=self.file.read_bytes())
        self.assertEqual(copy.returncode, 0, copy.stderr)
        self.assertEqual(copy.stdout, self.file.read_bytes(), "a copy of all of it is the same to the byte")

    def test_the_page_shows_every_request_and_no_metrics(self):
        server = subprocess.Popen([*self.NOBODY, os.path.abspath(vqtest.AGENT), "serve", "--replay", self.file,
                                   "--web.listen-address=127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.wait, 30)
        self.addCleanup(server.kill)
        said = ""
        while not (address := re.search(r"serves (http://127\.0\.0\.1:\d+/)\n", said)):
            line = server.stderr.readline()
            self.assertTrue(line, f"it ended: {said}")
            said += line

        def get(path):
            try:
                with urllib.request.urlopen(address[1] + path, timeout=60) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

        self.assertIn("<title>vqscope</title>", get("")[1])
        history = json.loads(get("-/history")[1])
        self.assertEqual(sum(disk["requests"] for step in history["steps"] for disk in step["disks"]), self.fio.ios("read"))
        self.assertEqual((history["machine"]["host"], history["recording"]["note"]), (str(self.file), "exact"))
        for path in ("metrics", "-/snapshot"):
            status, text = get(path)
            self.assertEqual(status, 404)
            self.assertIn("this is a recording", text)
        server.terminate()
        self.assertEqual(server.wait(30), 0)

    def test_what_makes_no_sense_is_one_sentence(self):
        out = self.folder / "out.vqr"
        for status, sentence, *arguments in (
                (3, "is in it: ", "doctor", "--replay", self.file, "--from", "2020-01-01T00:00", "--to=2020-01-02T00:00"),
                (3, "is before --from", "doctor", "--replay", self.file, "--from=1s", "--to=0s"),
                (3, "No such file", "doctor", "--replay", "/nowhere"),
                (3, "not a recording", "doctor", "--replay", "/etc/passwd"),
                (3, "there is no disk 'sdx'", "doctor", "--replay", self.file, "sdx"),
                (1, "are the same file", "record", self.file, "--replay", self.file),
                (1, "are the same file", "record", "--append", self.file, "--replay", self.file),
                (1, "is in it: ", "record", out, "--replay", self.file, "--from=1d"),
                (1, "No such file", "record", out, "--replay", "/nowhere")):
            with self.subTest(arguments):
                done = self.vqscope(*arguments)
                self.assertEqual((done.returncode, done.stdout), (status, b""), done.stderr)
                self.assertIn(sentence, done.stderr.decode())
                self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertFalse(out.exists())

    def test_the_end_that_a_copy_lacks_is_a_failure(self):
        torn = self.folder / "torn.vqr"
        torn.write_bytes(self.file.read_bytes()[:-3])
        done = self.vqscope("record", self.folder / "rest.vqr", "--replay", torn)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"vqscope: the end is not in it: ", done.stderr)
        self.assertIn(f"{torn} is sound up to byte", " ".join(self.examine("--replay", torn)["notes"]))


if __name__ == "__main__":
    vqtest.main()
