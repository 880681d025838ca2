# SPDX-License-Identifier: Apache-2.0
"""vqscope record and vqscope compare, as a user runs them: fio and the file system are the witnesses."""

import json
import os
import pathlib
import pty
import signal
import socket
import subprocess
import tempfile
import unittest

import vqtest

vqtest.require_root()


def vqscope(*arguments, **keywords):
    return subprocess.run([vqtest.AGENT, *(a if isinstance(a, bytes) else str(a) for a in arguments)], capture_output=True, text=True, timeout=120, **keywords)


class Recording(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vqscope-record-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.file = self.folder / "run.vqr"

    def start(self, *flags, file=None):
        """A recorder that has written its first reading."""
        recorder = subprocess.Popen([vqtest.AGENT, "record", str(file or self.file), *flags], stderr=subprocess.PIPE,
                                    text=True)
        self.addCleanup(recorder.stderr.close)
        self.addCleanup(recorder.wait, 30)
        self.addCleanup(recorder.kill)
        self.said = ""
        while "recording " not in self.said:
            line = recorder.stderr.readline()
            self.assertTrue(line, f"the recorder ended: {self.said}")
            self.said += line
        return recorder

    def stop(self, recorder, how=signal.SIGINT):
        recorder.send_signal(how)
        self.said += recorder.stderr.read()
        return recorder.wait(30)

    def wait_for_growth(self, file=None):
        size = (file or self.file).stat().st_size
        vqtest.wait_for(lambda: (file or self.file).stat().st_size > size, "another reading", 30)

    def totals(self, device, file=None):
        """The comparison of a recording with itself: its numbers are those of the recording."""
        done = vqscope("compare", file or self.file, file or self.file, "--json")
        self.assertIn(done.returncode, (0, 3), done.stderr)
        return next(d for d in json.loads(done.stdout)["devices"] if d["after"] == device), json.loads(done.stdout)

    def notes(self, device):
        """What is said of the recording, but that readings came late, as on a busy machine."""
        return [n for n in self.totals(device)[1]["notes"] if not n.startswith("there was no reading from ")]

    def check_fails(self, status, sentence, *arguments, **keywords):
        done = vqscope(*arguments, **keywords)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(sentence, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_holds_every_request_that_fio_did(self):
        loop = vqtest.Loop(self)
        recorder = self.start(f"--device-include=^{loop.name}$", "--note=exact")
        fio = vqtest.Fio(f"--filename={loop.path}", "--rw=randrw", "--bs=4k", "--io_size=8m", "--direct=1")
        self.wait_for_growth()
        self.wait_for_growth()
        self.assertEqual(self.stop(recorder), 0, self.said)
        device, document = self.totals(loop.name)
        seconds = document["before"]["seconds"]
        self.assertEqual(document["before"]["note"], "exact")
        for ours, op in (("read", "read"), ("write", "write")):
            numbers = device["operations"][ours]
            self.assertEqual(round(numbers["requests_per_second"]["before"] * seconds), fio.ios(op))
            self.assertEqual(round(numbers["bytes_per_second"]["before"] * seconds), fio.bytes(op))

    def test_standard_output_and_input_take_a_recording(self):
        done = subprocess.run([vqtest.AGENT, "record", "-", "--duration=2"], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"are in standard output", done.stderr)
        self.file.write_bytes(done.stdout)
        self.assertEqual(self.notes(vqtest.root_disk()), [])
        for files in (("-", self.file), (self.file, "/dev/stdin")):
            piped = subprocess.run([vqtest.AGENT, "compare", *files, "--json"], input=done.stdout, capture_output=True,
                                   timeout=60)
            self.assertIn(piped.returncode, (0, 3), piped.stderr)
            self.assertEqual(len(json.loads(piped.stdout)["devices"]), 1)
        self.check_fails(4, "can be read only once", "compare", "-", stdin=subprocess.DEVNULL)
        self.check_fails(4, "can be read only once", "compare", "-", "-", stdin=subprocess.DEVNULL)
        self.check_fails(1, "--append a file", "record", "-", "--append", "--duration=1")

    def test_a_terminal_takes_no_recording_but_colour(self):
        near, far = pty.openpty()
        self.addCleanup(os.close, near)
        with open(far, "w") as terminal:
            done = subprocess.run([vqtest.AGENT, "record", "-"], stdout=terminal, stderr=subprocess.PIPE, text=True,
                                  timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertIn("standard output is a terminal", done.stderr)
            loop = vqtest.Loop(self)
            for file in ("a", "b"):
                recorder = self.start(f"--device-include=^{loop.name}$", file=self.folder / file)
                self.wait_for_growth(self.folder / file)
                self.assertEqual(self.stop(recorder), 0, self.said)
            for environment, colour in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
                subprocess.run([vqtest.AGENT, "compare", self.folder / "a", self.folder / "b"], stdout=terminal,
                               env=environment, timeout=60)
                self.assertEqual(b"\x1b[" in os.read(near, 1 << 16), colour, environment)

    def test_a_reader_that_goes_ends_the_recording(self):
        recorder = subprocess.Popen([vqtest.AGENT, "record", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True)
        self.addCleanup(recorder.wait, 30)
        self.addCleanup(recorder.kill)
        recorder.stdout.close()
        self.assertIn("cannot write to standard output: Broken pipe", recorder.stderr.read())
        recorder.stderr.close()
        self.assertEqual(recorder.wait(30), 1)

    def test_holds_the_settings_of_the_queue_and_what_was_turned_meanwhile(self):
        loop = vqtest.Loop(self)
        setting = pathlib.Path(f"/sys/block/{loop.name}/queue/read_ahead_kb")
        setting.write_text("64")
        recorder = self.start(f"--device-include=^{loop.name}$")
        self.wait_for_growth()
        self.assertEqual(self.stop(recorder), 0, self.said)
        setting.write_text("256")
        other = self.folder / "other"
        recorder = self.start(f"--device-include=^{loop.name}$", file=other)
        setting.write_text("512")
        for _ in range(12):  # settings are looked at every ten readings
            self.wait_for_growth(other)
        self.assertEqual(self.stop(recorder), 0, self.said)
        document = json.loads(vqscope("compare", self.file, other, "--json").stdout)
        changes = {change["what"]: (change["before"], change["after"]) for change in document["changes"]}
        self.assertEqual(changes, {f"{loop.name}: read_ahead_kb": ("64", "512")})
        self.assertIn(f"{loop.name}: read_ahead_kb: 256 -> 512, seen", " ".join(document["devices"][0]["notes"]))
        busy = document["guest"]["cpu_busy_share"]
        # It is counted in ticks: a second in which next to nothing ran has none.
        self.assertTrue(0 <= busy["before"] <= 1 and 0 < busy["after"] <= 1, busy)

    def test_a_running_agent_can_be_recorded(self):
        loop = vqtest.Loop(self)
        agent = vqtest.Agent(self, f"--device-include=^{loop.name}$")
        status, headers, body = agent.get("/-/snapshot")
        self.assertEqual((status, headers["Content-Type"]), (200, "application/vnd.vqscope.recording"))
        saved = self.folder / "saved.vqr"
        saved.write_bytes(body + agent.get("/-/snapshot")[2])  # two recordings of one reading each
        self.check_fails(4, "two windows", "compare", saved)

        recorder = self.start(f"--url={agent.url.removesuffix('/metrics')}", "--device-exclude=^$")
        vqtest.Fio(f"--filename={loop.path}", "--rw=randread", "--bs=4k", "--io_size=1m", "--direct=1")
        self.wait_for_growth()
        self.assertEqual(self.stop(recorder), 0, self.said)
        device, document = self.totals(loop.name)
        self.assertEqual(round(device["operations"]["read"]["requests_per_second"]["before"] *
                               document["before"]["seconds"]), 256)

    def test_an_agent_that_is_restarted_begins_a_new_segment(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        first = vqtest.Agent(self, f"--web.listen-address={address}")
        recorder = self.start(f"--url={address}")
        self.wait_for_growth()
        first.stop()
        self.said += recorder.stderr.readline()
        self.assertIn("trying again", self.said)
        vqtest.Agent(self, f"--web.listen-address={address}")
        self.said += recorder.stderr.readline()
        self.assertIn("was restarted", self.said)
        for _ in range(2):  # a segment of one reading has no length
            self.wait_for_growth()
        self.assertEqual(self.stop(recorder), 0, self.said)
        # One file without windows is compared when it has two segments.
        done = vqscope("compare", self.file, "--json")
        self.assertIn(done.returncode, (0, 3))
        self.assertRegex(" ".join(json.loads(done.stdout)["notes"]),
                         r"begins \d+ s after the end of the first: if it was not recorded with --append, the agent was "
                         r"restarted there, and both are of one recording")

    def test_what_is_no_agent_is_one_sentence(self):
        self.check_fails(1, "Failed to connect", "record", self.file, "--url=http://127.0.0.1:9")
        self.check_fails(1, "is not the URL of an agent", "record", self.file, "--url=ftp://x")
        self.assertFalse(self.file.exists())

    def test_a_file_that_exists_is_left_alone(self):
        self.file.write_text("precious")
        self.check_fails(1, "exists", "record", self.file, "--duration=1")
        self.check_fails(1, "is not a recording of vqscope", "record", self.file, "--duration=1", "--append")
        self.assertEqual(self.file.read_text(), "precious")
        self.check_fails(1, "exists", "record", self.folder, "--duration=1")
        self.check_fails(1, "cannot create", "record", self.folder / "no/where", "--duration=1")
        self.check_fails(1, "nothing to record", "record", self.folder / "none", "--device-include=^nothing$")
        self.assertFalse((self.folder / "none").exists())

    def test_survives_kill_and_is_appended_to(self):
        recorder = self.start()
        self.wait_for_growth()
        self.stop(recorder, signal.SIGKILL)
        os.truncate(self.file, self.file.stat().st_size - 3)  # as when the guest itself crashes
        self.assertEqual(vqscope("compare", self.file, self.file).returncode, 4)  # two readings, of which one is torn
        recorder = self.start("--append")
        self.assertIn("were removed", self.said)
        self.wait_for_growth()
        self.assertEqual(self.stop(recorder, signal.SIGTERM), 0, self.said)
        again, = self.notes(vqtest.root_disk())
        self.assertRegex(again, r"^vqscope was started again, seen \d+ s into ")

    def test_an_agent_that_is_gone_at_the_end_is_a_failure(self):
        loop = vqtest.Loop(self)
        agent = vqtest.Agent(self, f"--device-include=^{loop.name}$", "--require-probe=block")
        recorder = self.start("--url", agent.url.removesuffix("/metrics"), "--duration=5")
        agent.stop()
        said = recorder.stderr.read()
        self.assertEqual(recorder.wait(60), 1, said)
        self.assertIn("vqscope: the end is not in it: ", said)

    def test_a_command_is_recorded_while_it_runs(self):
        """All of its requests, and its exit status is told and passed on."""
        loop = vqtest.Loop(self)
        done = vqscope("record", self.file, "--device", loop.name, "--", "fio", "--name=x", f"--filename={loop.path}",
                       "--rw=randread", "--direct=1", "--bs=4k", "--io_size=8m", "--output-format=json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("'fio' ended with exit status 0", done.stderr)
        reads = json.loads(done.stdout)["jobs"][0]["read"]["total_ios"]
        device, document = self.totals(loop.name)
        seen = device["operations"]["read"]["requests_per_second"]["before"] * document["before"]["seconds"]
        self.assertEqual(round(seen), reads)

    def test_a_command_that_fails_gives_its_exit_status(self):
        ran = vqscope("record", self.file, "--", "sh", "-c", "exit 7")
        self.assertEqual(ran.returncode, 7, ran.stderr)
        self.assertIn("'sh' ended with exit status 7", ran.stderr)
        for command, status in (("no-such-command", 127), ("/etc/passwd", 126), ("/", 126), ("/etc/passwd/x", 126)):
            self.check_fails(status, f"cannot run '{command}'", "record", self.folder / "none.vqr", "--", command)
            self.assertFalse((self.folder / "none.vqr").exists(), "nothing ran, and nothing is left")
        self.assertEqual(vqscope("record", self.folder / "killed.vqr", "--", "sh", "-c", "kill -9 $$").returncode, 137)

    def test_a_note_that_is_not_utf_8_is_refused_and_leaves_nothing(self):
        for flags in ((), ("--append",)):
            self.check_fails(2, "--note is not UTF-8", "record", self.file, *flags, "--duration=1", "--note", b"\xff\xfe")
            self.assertFalse(self.file.exists())

    def test_what_a_command_prints_is_not_mixed_into_a_recording(self):
        ran = subprocess.run([vqtest.AGENT, "record", "-", "--", "echo", "hello"], capture_output=True, timeout=60)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn(b"hello", ran.stderr)
        self.assertNotIn(b"hello", ran.stdout)
        self.assertTrue(ran.stdout.startswith(b"\x89VQR"))

    def test_sigterm_ends_the_command_too(self):
        recorder = self.start("--", "sleep", "600")
        recorder.send_signal(signal.SIGTERM)
        self.assertEqual(recorder.wait(20), 128 + signal.SIGTERM)

    def test_two_recorders_do_not_share_a_file(self):
        recorder = self.start()
        self.check_fails(1, "another vqscope records to", "record", self.file, "--append", "--duration=1")
        self.assertEqual(self.stop(recorder), 0, self.said)

    def test_a_full_disk_ends_it_and_the_file_stays_readable(self):
        vqtest.run("mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", self.folder)
        self.addCleanup(vqtest.run, "umount", self.folder)
        (self.folder / "ballast").write_bytes(bytes(4096))
        loop = vqtest.Loop(self)
        vqtest.BackgroundFio(self, f"--filename={loop.path}", "--rw=randrw", "--bs=4k", "--direct=1", "--time_based",
                             "--runtime=120", "--rate_iops=2000")
        recorder = self.start(f"--device-include=^{loop.name}$")
        self.said += recorder.stderr.read()
        self.assertEqual(recorder.wait(60), 1)
        self.assertIn("No space left on device", self.said)
        self.assertEqual(self.notes(loop.name), [])

    def test_what_cannot_be_compared_is_one_sentence(self):
        self.check_fails(4, "No such file", "compare", self.file, self.file)
        self.check_fails(4, "is a directory", "compare", self.folder, self.folder)
        self.file.write_bytes(b"")
        self.check_fails(4, "is empty", "compare", self.file, self.file)
        self.check_fails(4, "not a recording", "compare", vqtest.AGENT, vqtest.AGENT)
        self.check_fails(2, "--window is given twice", "compare", "a", "--window=0..1")

    def test_the_same_seconds_twice_are_no_comparison(self):
        loop = vqtest.Loop(self)
        recorder = self.start(f"--device-include=^{loop.name}$")
        vqtest.Fio(f"--filename={loop.path}", "--rw=randread", "--bs=4k", "--io_size=4m")
        self.wait_for_growth()
        self.assertEqual(self.stop(recorder), 0, self.said)
        done = vqscope("compare", self.file, self.file)
        self.assertEqual(done.returncode, 3)
        self.assertIn("NOT COMPARABLE: both sides are of the same time: they share", " ".join(done.stdout.split()))

    def test_without_the_right_to_see_requests_nothing_is_recorded(self):
        vqtest.require("setpriv")
        done = subprocess.run(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=65534", "--clear-groups",
                               vqtest.AGENT, "record", "-", "--duration=2"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("takes root, or CAP_BPF and CAP_PERFMON", done.stderr)
        self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    vqtest.main()
