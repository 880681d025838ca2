# SPDX-License-Identifier: Apache-2.0
"""`vqscope doctor` as a person, a script and a monitoring system use it."""

import json
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import tempfile
import unittest

import vqtest

HEALTHY, WARNING, CRITICAL, COULD_NOT_TELL = range(4)


def doctor(*arguments, **keywords):
    """(exit status, standard output, standard error)"""
    done = subprocess.run([vqtest.AGENT, "doctor", *arguments], capture_output=True, text=True, timeout=60, **keywords)
    return done.returncode, done.stdout, done.stderr


def examine(*arguments):
    """(exit status, JSON)"""
    status, out, err = doctor("--json", *arguments)
    try:
        return status, json.loads(out)
    except ValueError:
        raise AssertionError(f"exit {status}, no JSON: {out}{err}") from None


def ids(report):
    return {f["finding"]: f["severity"] for f in report["findings"]}


class UnderLoad(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        vqtest.require("fio")
        self.disk = vqtest.root_disk()
        self.queues = len(os.listdir(f"/sys/block/{self.disk}/mq"))
        self.cpus = sorted(os.sched_getaffinity(0))
        if self.queues != 1 or len(self.cpus) < 2:
            raise unittest.SkipTest(f"{self.disk} has {self.queues} queues for {len(self.cpus)} vCPUs")
        self.only = f"--device-include=^{self.disk}$"

    def load(self, cpus, *how):
        name = self.enterContext(vqtest.scratch_file())
        vqtest.Fio(f"--filename={name}", "--size=64m", "--rw=write", "--bs=1m", "--end_fsync=1")
        vqtest.BackgroundFio(self, f"--filename={name}", "--size=64m", "--direct=1", "--ioengine=libaio",
                             *(how or ("--rw=randread", "--bs=4k", "--iodepth=32")), "--time_based", "--runtime=120",
                             f"--numjobs={len(cpus)}", f"--cpus_allowed={','.join(map(str, cpus))}",
                             "--cpus_allowed_policy=split")

        def rate():
            _, report = examine(self.only, "--duration=1")
            return report["disks"][0].get("requests_per_second", 0) > (100 if how else 2000)

        vqtest.wait_for(rate, "the load to begin", 30)

    def test_one_queue_under_load_from_all_vcpus_is_named(self):
        self.load(self.cpus)
        status, report = examine(self.only, "--duration=2")
        found = ids(report)
        self.assertIn("single_queue", found)
        expected = ((CRITICAL, "critical") if "critical" in found.values() else
                    (WARNING, "warning") if "warning" in found.values() else (HEALTHY, "healthy"))
        self.assertEqual((status, report["status"], report["result"]), (expected[0], status, expected[1]))
        self.assertNotIn("fewer_queues_than_vcpus", found)
        self.assertNotIn("workload_on_one_vcpu", found)
        disk, = report["disks"]
        self.assertEqual((disk["device"], disk["queues"]), (self.disk, 1))
        # What landed where, according to the kernel: /proc/interrupts has the same vCPU in front.
        busiest = max(range(len(disk["interrupts_by_cpu"])), key=disk["interrupts_by_cpu"].__getitem__)
        numbers, = (f["numbers"] for f in report["findings"] if f["finding"] == "single_queue")
        self.assertEqual(numbers["irq_busiest_cpu"], busiest)
        self.assertGreaterEqual(numbers["irq_concentration_ratio"], 0.9)
        # As severe as what it costs, which not every kernel lets be measured as a whole.
        cost = numbers.get("queue_cost_ratio")
        evidence, = (" ".join(f["evidence"]) for f in report["findings"] if f["finding"] == "single_queue")
        self.assertIn("waits for locks were not measured" if cost is None else "In this guest that costs", evidence)
        if not {"slow_at_device", "storage_limit"} & set(found) and numbers["completion_cpu_ratio"] < 0.9:
            seen = cost if cost is not None else sum(numbers[f"{part}_ratio"] for part in ("sharing", "crossing", "backlog"))
            # Without all parts it is at least a warning, unless nobody can mend it (Firecracker).
            self.assertIn(found["single_queue"], ("info",) if cost is not None and seen < 0.1 else
                          ("info", "warning") if seen < 0.1 else ("warning",) if seen < 0.25 else ("warning", "critical"))

        status, out, err = doctor(self.only, "--duration=2", "--platform=qemu")
        self.assertIn(status, (HEALTHY, WARNING, CRITICAL))
        self.assertIn("[single_queue]", out)
        # Asked for by --platform, however severe it is.
        self.assertIn(f"-device PRESENT-OPTIONS,num-queues={len(os.sched_getaffinity(0))}", out)
        self.assertNotIn("--remedies", out)
        for form in ("text", "md"):
            status, short, _ = doctor(self.only, "--duration=2", "--format", form)
            if status == HEALTHY:  # else the remedy may be there for a warning
                self.assertNotIn("num-queues", short)
                self.assertIn("What would change the INFO findings: vqscope doctor --remedies", short)
        self.assertRegex(out, r"\n  queue 0 .*100 %")
        self.assertEqual(err, "")
        self.assertNotIn("\x1b", out)

    def test_a_running_agent_says_the_same(self):
        self.load(self.cpus)
        agent = vqtest.Agent(self, self.only)
        url = agent.url.removesuffix("/metrics")
        status, report = examine("--url", url, "--duration=2")
        self.assertIn(status, (HEALTHY, WARNING, CRITICAL))
        self.assertIn("single_queue", ids(report))
        self.assertGreater(report["disks"][0]["requests_per_second"], 1000)
        # As the agent exports it, once it has held for two windows.
        exported = vqtest.wait_for(lambda: agent.scrape().all("vqscope_finding", finding="single_queue"),
                                   "the agent to raise the finding", 30)
        self.assertEqual([l["device"] for l, _ in exported], [self.disk])
        self.assertIn("finding single_queue", agent.output())
        status, _, err = doctor("--url", url, "--duration=1", "--device-include=^no-such-disk$")
        self.assertEqual(status, COULD_NOT_TELL)
        self.assertIn("no disk matches", err)
        # As people paste it.
        address = url.removeprefix("http://")
        for pasted in (agent.url, f"{url}/", f"{agent.url}?x=1", address, f"{address}/metrics"):
            with self.subTest(pasted):
                _, report = examine("--url", pasted, "--duration=1", self.disk)
                self.assertEqual([disk["device"] for disk in report["disks"]], [self.disk])
        status, _, err = doctor("--url", url, "--duration=1", "no-such-disk")
        self.assertEqual((status, err), (COULD_NOT_TELL, f"vqscope: there is no disk 'no-such-disk'; there is: {self.disk}\n"))

    def test_load_from_one_vcpu_is_no_alarm(self):
        self.load(self.cpus[:1])

        def quiet_neighbours():  # others on this machine may do I/O from other vCPUs
            _, report = examine(self.only, "--duration=2")
            return "workload_on_one_vcpu" in ids(report) and (ids(report), report["disks"][0]["interrupts_by_cpu"])

        found, interrupts = vqtest.wait_for(quiet_neighbours, "a window with requests from one vCPU", 60)
        self.assertNotIn("single_queue", found)
        self.assertEqual(found["workload_on_one_vcpu"], "info")
        interrupted = interrupts.index(max(interrupts))
        self.assertEqual(found.get("submitter_off_interrupt_vcpu"), None if interrupted == self.cpus[0] else "info")

    def test_requests_that_fill_the_ring_are_not_blamed_on_this_guest(self):
        features = pathlib.Path(f"/sys/block/{self.disk}/device/features")
        if not features.exists() or features.read_text()[28] == "1":
            self.skipTest(f"{self.disk} is no virtio disk without indirect descriptors")
        self.load(self.cpus[:1], "--rw=read", "--bs=1m", "--iodepth=8")
        _, report = examine(self.only, "--duration=2")
        self.assertNotIn("guest_latency", ids(report))
        finding, = (f for f in report["findings"] if f["finding"] == "requeues")
        self.assertRegex(" ".join(finding["evidence"]), r"as few as \d+ fill the ring")
        _, out, _ = doctor(self.only, "--duration=2")
        for word in ("not what is slow", "wbt_lat_usec", "io.max", "echo none"):
            self.assertNotIn(word, out)


class WithoutLoad(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()

    def test_an_idle_disk_cannot_be_judged_and_the_way_to_load_is_shown(self):
        loop = vqtest.Loop(self)
        status, out, err = doctor(f"--device-include=^{loop.name}$", "--duration=1")
        self.assertEqual((status, err), (COULD_NOT_TELL, ""))
        self.assertIn(f"Could not tell about {loop.name}: it was idle.", out)
        self.assertIn("fio --name=load --readonly", out)
        self.assertTrue(out.endswith("Result: could not tell\n"), out)

    def test_idle_is_no_alarm_for_a_check_that_says_so(self):
        loop = vqtest.Loop(self)
        status, out, err = doctor(loop.name, "--duration=1", "--idle=ok")
        self.assertEqual((status, err), (HEALTHY, ""))
        self.assertTrue(out.startswith(f"IDLE  {loop.name}: it was idle.\n"), out)

    def test_a_disk_may_be_named_as_people_name_it(self):
        loop = vqtest.Loop(self)
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-names-"))
        link = f"{folder}/by-id"
        os.symlink(loop.path, link)
        for arguments in ([loop.name], [loop.path], [link], ["--device", loop.name], [f"--device={loop.path}"]):
            with self.subTest(arguments):
                _, report = examine(*arguments, "--duration=1")
                self.assertEqual([disk["device"] for disk in report["disks"]], [loop.name])

    def test_a_partition_stands_for_its_disk_and_that_is_said(self):
        vqtest.require("sfdisk", "losetup")
        loop = vqtest.Loop(self)
        subprocess.run(["sfdisk", "--quiet", loop.path], input="start=2048, size=2048\n", text=True, check=True,
                       stdout=subprocess.DEVNULL)
        vqtest.run("losetup", "--set-capacity", loop.path)
        vqtest.run("partx", "--update", loop.path)
        self.addCleanup(vqtest.run, "partx", "--delete", loop.path)
        partition = f"{loop.path}p1"
        vqtest.wait_for(lambda: os.path.exists(partition), "the partition to appear", 30)
        _, report = examine(partition, "--duration=1")
        self.assertEqual([disk["device"] for disk in report["disks"]], [loop.name])
        self.assertIn(f"{partition} is a partition of {loop.name}; the whole disk is looked at.", report["notes"])

    def test_a_request_that_hangs_is_named_on_an_idle_disk(self):
        frozen = vqtest.FrozenLoop(self)
        frozen.freeze()
        # The block probe sees requests that are issued while it watches.
        agent = vqtest.Agent(self, f"--device-include=^{frozen.loop.name}$", "--require-probe=block")
        frozen.hang_a_write(self)
        vqtest.wait_for(lambda: (agent.scrape().one("vqscope_queue_oldest_inflight_seconds",
                                                    device=frozen.loop.name) or 0) > 5, "the write to hang", 30)
        status, report = examine("--url", agent.url.removesuffix("/metrics"), "--duration=1")
        self.assertEqual((status, ids(report).get("stuck_request")), (WARNING, "warning"))

    def test_a_disk_that_vanishes_is_told_of(self):
        loop = vqtest.Loop(self)
        watcher = Watcher(self, f"--device-include=^{loop.name}$", "--duration=5")
        loop.detach()
        self.assertEqual(watcher.process.wait(30), COULD_NOT_TELL)
        # Another test may have taken the number meanwhile.
        self.assertRegex(watcher.process.stdout.read(),
                         rf"{loop.name} (went away|was replaced by another disk) while it was watched\.")


class Watcher:
    """A doctor whose standard error is a terminal, on which it has shown that it is watching."""

    def __init__(self, test, *arguments, stdout=subprocess.PIPE):
        self.terminal, other_end = pty.openpty()
        test.addCleanup(os.close, self.terminal)
        self.process = subprocess.Popen([vqtest.AGENT, "doctor", *arguments], stdout=stdout, stderr=other_end, text=True)
        os.close(other_end)
        if stdout == subprocess.PIPE:
            test.addCleanup(self.process.stdout.close)
        test.addCleanup(self.process.wait, 30)
        test.addCleanup(self.process.kill)
        self.seen = b""
        self.wait_for(b"Watching")

    def wait_for(self, text):
        while text not in self.seen:
            self.seen += os.read(self.terminal, 4096)

    def rest(self):
        """All that the terminal showed, after the end."""
        try:
            while chunk := os.read(self.terminal, 4096):
                self.seen += chunk
        except OSError:  # how Linux says that the other end is closed
            pass
        return self.seen


class Interrupted(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        self.loop = vqtest.Loop(self)

    def test_what_was_seen_until_a_signal_is_reported_and_the_terminal_left_clean(self):
        for number, name in ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")):
            watcher = Watcher(self, self.loop.name, "--duration=10m")
            watcher.wait_for(b"Watching, 2 s of 600 s")
            watcher.process.send_signal(number)
            self.assertEqual(watcher.process.wait(30), COULD_NOT_TELL)
            out = watcher.process.stdout.read()
            self.assertIn(f"Could not tell about {self.loop.name}: it was idle.", out)
            self.assertRegex(out, rf"Note: It was ended by {name} after [0-9.]+ s of 600 s\.")
            shown = watcher.rest()
            self.assertIn(f"{self.loop.name} 0 requests/s".encode(), shown)
            self.assertTrue(shown.endswith(b"\r\x1b[K"), shown[-80:])

    def test_less_than_a_second_is_no_report(self):
        for number, expected in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            watcher = Watcher(self, self.loop.name, "--duration=60")
            watcher.process.send_signal(number)
            status, out = watcher.process.wait(30), watcher.process.stdout.read()
            # A machine that is busy may take a second to deliver it.
            self.assertIn((status, out == ""), ((expected, True), (COULD_NOT_TELL, False)))
            if status == expected:
                self.assertIn(b"vqscope: it was ended in its first second, of which nothing can be told", watcher.rest())

    def test_a_second_one_quits_at_once(self):
        reader, full = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(full, False)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(full, b"x" * 4096)
        os.set_blocking(full, True)
        watcher = Watcher(self, self.loop.name, "--duration=10m", stdout=full)
        os.close(full)
        watcher.wait_for(b"Watching, 2 s of 600 s")
        watcher.process.send_signal(signal.SIGINT)
        # The line is taken away, and the report is stuck in the pipe.
        while not watcher.seen.endswith(b"\r\x1b[K"):
            watcher.seen += os.read(watcher.terminal, 4096)
        watcher.process.send_signal(signal.SIGINT)
        self.assertEqual(watcher.process.wait(30), -signal.SIGINT)


class AgentThatIsGone(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        self.loop = vqtest.Loop(self)
        self.agent = vqtest.Agent(self, f"--device={self.loop.name}", "--require-probe=block")
        self.url = "--url=" + self.agent.url.removesuffix("/metrics")

    def check(self, watcher, wanted):
        """That it tells what it saw, and since when it saw nothing."""
        self.assertEqual(watcher.process.wait(60), COULD_NOT_TELL)
        text = " ".join(watcher.process.stdout.read().split())
        self.assertIn(f"Could not tell about {self.loop.name}: it was idle.", text)
        self.assertRegex(text, rf"Note: Its last answer is of [-0-9]+ [:0-9]+ UTC, after [0-9.]+ s of {wanted} \(cannot read ")
        return text

    def test_what_was_seen_of_one_that_dies_is_told(self):
        watcher = Watcher(self, self.url, "--duration=6")
        watcher.wait_for(b"Watching, 2 s of 6 s")
        self.agent.stop()
        self.check(watcher, "6 s")
        self.assertIn(b"vqscope: no reading, and trying again every second: cannot read ", watcher.rest())

    def test_ctrl_c_tells_what_was_seen_of_one_that_hangs(self):
        watcher = Watcher(self, self.url, "--duration=10m")
        watcher.wait_for(b"Watching, 2 s of 600 s")
        self.agent.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.agent.process.send_signal, signal.SIGCONT)
        watcher.wait_for(b"trying again")
        watcher.process.send_signal(signal.SIGINT)
        self.assertRegex(self.check(watcher, "600 s"), r"Note: It was ended by Ctrl-C after [0-9.]+ s of 600 s\.")

    def test_one_that_is_started_anew_ends_it_with_what_was_seen(self):
        address = self.agent.url.removeprefix("http://").removesuffix("/metrics")
        watcher = Watcher(self, self.url, "--duration=10m")
        watcher.wait_for(b"Watching, 2 s of 600 s")
        self.agent.stop()
        again = vqtest.Agent(self, f"--device={self.loop.name}", f"--web.listen-address={address}")
        self.assertTrue(again.url)
        self.assertEqual(watcher.process.wait(60), COULD_NOT_TELL)
        self.assertIn("(the agent was started anew while it was watched).",
                      " ".join(watcher.process.stdout.read().split()))


class BadInput(unittest.TestCase):
    def check(self, arguments, message):
        with self.subTest(arguments):
            status, out, err = doctor(*arguments)
            self.assertEqual((status, out), (COULD_NOT_TELL, ""))
            self.assertIn(message, err)
            self.assertTrue(err.startswith("vqscope: "), err)
            self.assertNotIn("terminate", err)

    def test_what_makes_no_sense_is_unknown_and_one_sentence(self):
        self.check(["--duration=0"], "'0' is not a time from 1s to 1h")
        self.check(["--durtion=5"], "doctor has no flag '--durtion'; did you mean '--duration'?")
        self.check(["--platform=vmware"], "vmware")
        self.check(["--nonsense"], "--nonsense")
        self.check(["--device-include=["], "is not a regular expression")
        self.check(["--url=ftp://localhost"], "is not the URL of an agent")
        self.check(["--url=http://127.0.0.1:1"], "cannot read http://127.0.0.1:1/-/snapshot")
        self.check(["--url=unix:/nonexistent"], "no agent serves on that socket, or this user may not open it")
        self.check(["--path.sysfs=/nonexistent"], "/nonexistent")
        for other in ("/nonexistent", "/etc/passwd"):
            self.check([f"--path.procfs={other}"], f"{other} (--path.procfs) is no directory that can be read")

    def test_no_disk_that_matches(self):
        vqtest.require_root()
        self.check(["--device-include=^no-such-disk$"], "no disk matches --device-include='^no-such-disk$'")
        self.check(["no-such-disk"], "there is no disk 'no-such-disk'; there ")
        self.check(["--device=/dev/no-such-disk"], "there is no disk '/dev/no-such-disk'; there ")
        self.check(["/dev/null"], "'/dev/null' is not a block device")

    def test_an_endpoint_that_is_no_vqscope(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-other-")))
        listener = subprocess.Popen(["python3", "-m", "http.server", "--bind=127.0.0.1", "0"], cwd=folder,
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                    env={**os.environ, "PYTHONUNBUFFERED": "1"})
        self.addCleanup(listener.stdout.close)
        self.addCleanup(listener.wait)
        self.addCleanup(listener.kill)
        port = re.search(r"port (\d+)", listener.stdout.readline()).group(1)
        self.check([f"--url=http://127.0.0.1:{port}"], "is no agent of vqscope, or one that is too old: HTTP status 404")
        # An application that answers whatever it is asked.
        (folder / "-").mkdir()
        (folder / "-/snapshot").write_text("<!DOCTYPE html>")
        with socket.create_server(("127.0.0.1", 0)) as mute:
            self.check([f"--url=127.0.0.1:{mute.getsockname()[1]}"],
                       "no answer in 5 s; is the agent stopped, or out of reach?")
        self.check([f"--url=127.0.0.1:{port}"],
                   "is no agent of vqscope, or one that is too old: it sent something else than a recording")
        self.check([f"--url=https://127.0.0.1:{port}"], "(does it want http://?)")

    def test_without_rights_it_says_so_at_once_and_tells_what_sysfs_shows(self):
        vqtest.require_root()
        vqtest.require("setpriv")
        agent = os.path.abspath(vqtest.AGENT)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
                               "--bounding-set=-all", agent, "doctor", "--duration=1h"],
                              capture_output=True, text=True, timeout=60)
        if done.returncode == 127 or "Permission denied" in done.stderr:
            raise unittest.SkipTest(f"nobody cannot run {agent}")
        self.assertEqual(done.returncode, COULD_NOT_TELL, done.stdout + done.stderr)
        self.assertTrue(done.stdout.startswith(
            "COULD NOT TELL  Without rights, only how the disks are set up can be told.\n"
            "Run it as root, or with CAP_BPF and CAP_PERFMON: sudo vqscope doctor\n"), done.stdout)
        self.assertIn("Nothing was measured.", done.stdout)
        self.assertRegex(done.stdout, r"\n  \d+ queues? for \d+ online vCPUs?")


if __name__ == "__main__":
    vqtest.main()
