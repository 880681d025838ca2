# SPDX-License-Identifier: Apache-2.0
"""The daemon as a service: what it tells its service manager, and what systemd says of the unit."""

import errno
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

import service
import vqtest

UNITS = pathlib.Path(__file__).parents[2] / "deploy/systemd"


class Notifications(unittest.TestCase):
    def setUp(self):
        self.manager = service.NotifySocket(self)

    def test_ready_comes_when_it_serves_a_reading_and_stopping_when_it_ends(self):
        agent = vqtest.Agent(self, wrapper=self.manager.wrapper())
        ready = self.manager.wait_for("READY=1")
        self.assertRegex(ready, r"\nSTATUS=Measuring \d+ disks?, ")
        # Type=notify: units that are ordered after this one start now.
        self.assertIsNotNone(agent.scrape().one("vqscope_online_cpus"))
        self.assertEqual(agent.get("/-/ready")[0], 200)
        agent.process.terminate()
        self.manager.wait_for("STOPPING=1")
        self.assertEqual(agent.stop(), 0)

    def test_status_follows_the_disks(self):
        vqtest.require_root()
        vqtest.require("losetup")
        loop = vqtest.Loop(self)
        vqtest.Agent(self, f"--device-include=^{loop.name}$", "--require-probe=block", wrapper=self.manager.wrapper())
        self.assertIn("STATUS=Measuring 1 disk, probes: ", self.manager.wait_for("READY=1"))
        loop.detach()
        self.manager.wait_for("STATUS=Measuring 0 disks, probes: ")

    def test_no_watchdog_no_pings(self):
        vqtest.Agent(self, wrapper=self.manager.wrapper())
        self.manager.wait_for("READY=1")
        self.assertTrue(self.manager.silent("WATCHDOG=1", 2.5))

    def test_a_refused_start_is_never_ready(self):
        for flag in ("--path.sysfs=/nowhere", "--path.procfs=/nowhere"):
            done = subprocess.run([*self.manager.wrapper(), vqtest.AGENT, "serve", "--web.listen-address=127.0.0.1:0",
                                   flag], capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 1)
            self.assertIn("/nowhere", done.stderr)
            self.assertTrue(self.manager.silent("READY=1", 0.2))

    def test_sighup_reads_the_configuration_anew_and_ends_nothing(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-web-"))
        os.chmod(folder, 0o755)
        config = pathlib.Path(folder) / "web.yml"
        config.write_text("http_server_config: {headers: {X-Frame-Options: deny}}\n")
        for flags, said in ((["--web.config.file", config], f"{config} and its certificates were read anew"),
                            ([], "SIGHUP changes nothing: there is no --web.config.file")):
            agent = vqtest.Agent(self, *map(str, flags))
            self.assertNotIn(said, agent.output())
            agent.process.send_signal(signal.SIGHUP)
            vqtest.wait_for(lambda: said in agent.output(), said, 30)
            self.assertEqual(agent.get("/-/healthy")[0], 200)
            self.assertEqual(agent.stop(), 0)


class Watchdog(unittest.TestCase):
    def setUp(self):
        self.manager = service.NotifySocket(self)

    def test_is_fed_by_readings_and_starves_while_one_hangs(self):
        # A procfs of which one file is replaced by a pipe: reading it hangs, as a file of a sick kernel may.
        with tempfile.TemporaryDirectory(prefix="vqscope-procfs-") as procfs:
            os.chmod(procfs, 0o755)
            for name in os.listdir("/proc"):
                if not name.isdigit():
                    os.symlink(f"/proc/{name}", os.path.join(procfs, name))
            agent = vqtest.Agent(self, f"--path.procfs={procfs}", wrapper=self.manager.wrapper(10000000))
            for _ in range(2):
                self.manager.wait_for("WATCHDOG=1")
            pipe, stat = os.path.join(procfs, "pipe"), os.path.join(procfs, "stat")
            os.mkfifo(pipe)
            os.replace(pipe, stat)
            writer = vqtest.wait_for(lambda: self.open_if_read(stat), "the collector to read the pipe", 30)
            try:
                # It has the pipe open and waits for what will not come. The process is alive, and answers.
                self.assertEqual(agent.get("/-/healthy")[0], 200)
                self.assertTrue(self.manager.silent("WATCHDOG=1", 3.5))
                self.assertIsNone(agent.process.poll())
                # Readable again, it goes on.
                os.symlink("/proc/stat", pipe)
                os.replace(pipe, stat)
            finally:
                os.close(writer)
            self.manager.wait_for("WATCHDOG=1")
            self.assertEqual(agent.stop(), 0)

    @staticmethod
    def open_if_read(pipe):
        """A writer's descriptor of the pipe; None while nobody reads it."""
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return None


class Unit(unittest.TestCase):
    """What systemd's own tools say; systemd itself need not run here."""

    def setUp(self):
        vqtest.require("systemd-analyze")
        self.text = (UNITS / "vqscope.service").read_text()

    def test_is_exposed_as_little_as_promised(self):
        report = vqtest.run("systemd-analyze", "security", "--offline=true", "--no-pager", UNITS / "vqscope.service")
        level = re.search(r"Overall exposure level for vqscope\.service: ([0-9.]+)", report)
        self.assertTrue(level, report)
        self.assertLessEqual(float(level.group(1)), 1.5, report)

    def test_is_valid(self):
        with tempfile.TemporaryDirectory(prefix="vqscope-units-") as folder:
            # The binary need not be installed.
            unit = pathlib.Path(folder) / "vqscope.service"
            # A link, because its path goes into command lines and may have spaces.
            agent = pathlib.Path(folder) / "vqscope"
            agent.symlink_to(os.path.abspath(vqtest.AGENT))
            unit.write_text(self.text.replace("/usr/bin/vqscope", str(agent)))
            (pathlib.Path(folder) / "vqscope.socket").write_text((UNITS / "vqscope.socket").read_text())
            self.assertNotEqual(unit.read_text(), self.text)
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit, unit.with_suffix(".socket")],
                                  capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_has_exactly_two_capabilities(self):
        for setting in ("AmbientCapabilities", "CapabilityBoundingSet"):
            self.assertEqual(re.findall(rf"^{setting}=(.*)$", self.text, re.MULTILINE), ["CAP_BPF CAP_PERFMON"])

    def test_its_user_can_be_made(self):
        vqtest.require("systemd-sysusers")
        with tempfile.TemporaryDirectory(prefix="vqscope-root-") as root:
            os.mkdir(os.path.join(root, "etc"))
            vqtest.run("systemd-sysusers", f"--root={root}", UNITS / "sysusers.d/vqscope.conf")
            account = (pathlib.Path(root) / "etc/passwd").read_text().strip().split(":")
            self.assertEqual((account[0], account[-1]), ("vqscope", "/usr/sbin/nologin"))
            self.assertNotEqual(account[2], "0")


if __name__ == "__main__":
    vqtest.main()
