# SPDX-License-Identifier: Apache-2.0
"""The Debian package and its units under a real systemd, in a guest that has booted with it."""

import pathlib
import re
import struct
import subprocess
import tempfile
import unittest

import machine
import packages
import vqtest
from lifecycle_test import newer

URL = "http://127.0.0.1:10177"
UNIT = "vqscope.service"
DROP_INS = f"/etc/systemd/system/{UNIT}.d"
EXAMPLES = "/usr/share/vqscope/examples/systemd"
# Files that are no package's, or change by themselves.
NOT_OURS = r"/(proc|sys|dev|run|tmp|payload|root|var/(log|cache|tmp|lib/(systemd/(timers|random-seed)|dpkg|apt|rpm))|etc/((passwd|group|shadow|gshadow)-|\.pwd\.lock))(/|$)"


def records(recording):
    """The records of a recording (agent/recording/recording.proto) as protoc prints them."""
    offset = 12
    while offset < len(recording):
        size, _ = struct.unpack_from("<II", recording, offset)
        yield subprocess.run(["protoc", f"-I{packages.ROOT}/agent/recording", "--decode=vqscope.recording.Record",
                              "recording.proto"], input=recording[offset + 8:offset + 8 + size], capture_output=True,
                             check=True).stdout.decode()
        offset += 8 + size


class Service(unittest.TestCase):
    """Each test finds the package installed and the service running with what the package brings."""

    @classmethod
    def setUpClass(cls):
        vqtest.require_root()
        vqtest.require("mmdebstrap", "cpack", "qemu-system-x86_64", "busybox", "cpio", "mke2fs", "modprobe", "depmod",
                       "protoc")
        directory = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="vqscope-deb-")))
        cls.deb = packages.make_deb(directory)
        cls.newer = newer(cls.deb, "99.0")
        try:
            cls.rpms = [packages.make_rpm(directory / "rpm"), packages.make_rpm(directory / "newer-rpm", "99.0")]
        except unittest.SkipTest as reason:
            cls.rpms, cls.no_rpms = [], str(reason)
        cls.guest = machine.Machine(cls, cls.deb, [cls.deb, cls.newer, *cls.rpms])
        cls.files_before = cls.files()
        cls.account_before = cls.guest.run("cat /etc/passwd /etc/group")

    @classmethod
    def files(cls):
        """What is on the disk, with the content of /etc."""
        return set(cls.guest.run("find / -xdev -path /etc -prune -o -print; find /etc -type f -exec cksum {} +; "
                                 "find /etc ! -type f").splitlines())

    def left_behind(self):
        """What changed since before the package was ever installed."""
        return {line for line in self.files() ^ self.files_before if not re.search(NOT_OURS, line.split(" ")[-1])}

    def setUp(self):
        if self.guest.status("test -x /usr/bin/vqscope"):
            self.guest.run(f"dpkg --install /payload/{self.deb.name}")
            self.wait_active()
        self.addCleanup(self.reset)

    def reset(self):
        """To what the package brings, if it is still there."""
        self.guest.run("rm -rf /etc/systemd/system/vqscope.*.d /run/systemd/system.control\n"
                       "systemctl daemon-reload; systemctl disable --quiet --now vqscope.socket", check=False)
        if self.guest.status("test -x /usr/bin/vqscope") == 0:
            self.restart_with()

    def wait_active(self, **wanted):
        """Until the unit is active, and has these properties."""
        wanted["ActiveState"] = "active"

        def fact():
            found = self.guest.properties(UNIT, *wanted)
            return all(found[name] == value for name, value in wanted.items())

        try:
            self.guest.wait_for(fact, f"{UNIT} to be {wanted}", 300)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.journal()}") from error

    def journal(self):
        return self.guest.run(f"journalctl -u {UNIT} --no-pager -n 30")

    def pid(self):
        return int(self.guest.properties(UNIT, "MainPID")["MainPID"])

    def scrape(self):
        return vqtest.Scrape(self.guest.run(f"curl -fsS {URL}/metrics"))

    def configure(self, arguments):
        """The flags of the service; the first line is the package's comment."""
        self.guest.run(f"sed -i 's|^ARGS=.*|ARGS=\"{arguments}\"|' /etc/default/vqscope")

    def restart_with(self, arguments="", drop_in=None):
        """Restarts with these flags in /etc/default/vqscope and the drop-in that the package has as an example."""
        self.configure(arguments)
        if drop_in:
            self.guest.run(f"mkdir -p {DROP_INS} && cp {EXAMPLES}/{drop_in} {DROP_INS}/ && systemctl daemon-reload")
        # Without reset-failed the starts of all tests together would pass the unit's limit.
        self.guest.run(f"systemctl reset-failed {UNIT}; systemctl restart {UNIT}", check=False)
        self.wait_active()

    def test_runs_as_its_own_user_without_rights_within_its_limits(self):
        found = self.guest.properties(UNIT, "Type", "StatusText", "NRestarts", "User", "UnitFileState")
        self.assertEqual((found["Type"], found["NRestarts"], found["User"], found["UnitFileState"]),
                         ("notify", "0", "vqscope", "enabled"))
        self.assertRegex(found["StatusText"], r"^Measuring 3 disks, probes: .*block")
        status = self.guest.run(f"cat /proc/{self.pid()}/status")
        uid = self.guest.run("id -u vqscope").strip()
        self.assertNotEqual(uid, "0")
        # The bounding set, which grants nothing: CAP_PERFMON and CAP_BPF (38 and 39).
        for line in (f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000",
                     "CapBnd:\t000000c000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
            self.assertIn(line, status)
        group = f"/sys/fs/cgroup/system.slice/{UNIT}"
        self.assertEqual(self.guest.run(f"cat {group}/memory.max {group}/pids.max").split(), [str(256 << 20), "64"])
        self.assertEqual(self.guest.run(f"cat /proc/{self.pid()}/oom_score_adj").strip(), "500")

    def test_counts_what_fio_does(self):
        disk = self.guest.disks["data"]
        fio = (f"fio --name=test --filename=/dev/{disk} --bs=4k --direct=1 --ioengine=libaio --iodepth=4 "
               "--output-format=terse --terse-version=3")
        scrape = f"curl -fsS {URL}/metrics"
        # udev leaves a locked disk alone; it would read from it after a writer closes it.
        self.guest.write("/tmp/load", f"{scrape} && echo CUT && {fio} --rw=randread --number_ios=501 && echo CUT && "
                                      f"{fio} --rw=randwrite --number_ios=301 && echo CUT && {scrape}")
        before, reads, writes, after = self.guest.run(f"udevadm settle && flock /dev/{disk} sh /tmp/load").split("CUT\n")
        before, after = vqtest.Scrape(before), vqtest.Scrape(after)
        # Fields 6 and 47: total I/O of reads and of writes, in KiB (fio(1), "TERSE OUTPUT").
        for op, terse, field, ios in (("read", reads, 5, 501), ("write", writes, 46, 301)):
            self.assertEqual(int(terse.strip().splitlines()[-1].split(";")[field]), ios * 4, terse)
            self.assertEqual(after.requests(disk, op) - before.requests(disk, op), ios, op)
            self.assertEqual(after.bytes(disk, op) - before.bytes(disk, op), ios * 4096, op)
        self.assertEqual(after.lost(), before.lost())

    def test_is_restarted_when_killed(self):
        pid = self.pid()
        self.guest.run(f"kill -KILL {pid}")
        self.wait_active(NRestarts="1")
        self.assertNotEqual(self.pid(), pid)
        self.assertIn("code=killed, status=9/KILL", self.journal())
        self.assertIsNotNone(self.scrape().one("vqscope_online_cpus"))

    def test_is_restarted_by_the_watchdog_when_it_hangs(self):
        pid = self.pid()
        self.guest.run(f"kill -STOP {pid}")
        self.wait_active(NRestarts="1")
        self.assertNotEqual(self.pid(), pid)
        self.assertRegex(self.journal(), r"Watchdog timeout \(limit 30s\)!(.|\n)*Failed with result 'watchdog'")
        self.assertIsNotNone(self.scrape().one("vqscope_online_cpus"))

    def test_is_stopped_by_its_memory_limit(self):
        """Less than it needs: that the kernel ends it for that shows that the limit is one."""
        self.guest.run(f"systemctl stop {UNIT}; systemctl set-property --runtime {UNIT} MemoryMax=8M")
        self.assertNotEqual(self.guest.status(f"systemctl start {UNIT}"), 0)
        self.assertRegex(self.journal(), "Failed with result 'oom-kill'")

    def test_is_exposed_as_little_as_promised(self):
        """By the systemd that runs it, not offline."""
        report = self.guest.run(f"systemd-analyze security --no-pager {UNIT}")
        level = re.search(rf"Overall exposure level for {re.escape(UNIT)}: ([0-9.]+)", report)
        self.assertTrue(level, report)
        self.assertEqual(level[1], "1.5", report)

    def msix_vectors(self):
        """Of the data disk, as the agent tells who records it."""
        text = "".join(records(self.guest.bytes(f"curl -fsS {URL}/-/snapshot")))
        disk = re.search(rf'name: "{self.guest.disks["data"]}"(.*?)\n  \}}', text, re.DOTALL)
        self.assertTrue(disk, text)
        found = re.search(r"msix_vectors: (\d+)", disk[1])
        return int(found[1]) if found else None

    def test_sees_the_msix_table_and_notifications_with_one_right_more(self):
        self.assertIsNone(self.msix_vectors())
        self.assertEqual(self.scrape().one("vqscope_probe_up", probe="notify"), 0)
        self.restart_with(drop_in="more-rights.conf")
        # QEMU gives a virtio-blk disk a vector for each queue and one for configuration changes.
        self.assertEqual(self.msix_vectors(), 2)
        self.assertEqual(self.scrape().one("vqscope_probe_up", probe="notify"), 1)
        self.assertIn("CapPrm:\t0000000000000000", self.guest.run(f"cat /proc/{self.pid()}/status"))

    def test_listens_on_vsock_with_the_drop_in_only(self):
        if self.guest.status("modprobe vsock_loopback"):
            self.skipTest("this kernel has no vsock_loopback")
        self.configure("--web.listen-address=vsock://:10177")
        self.assertNotEqual(self.guest.status(f"systemctl restart {UNIT}"), 0)
        self.assertIn("RestrictAddressFamilies", self.journal())
        self.restart_with("--web.listen-address=vsock://:10177", "vsock.conf")
        # 1 is the guest itself; a host would say the guest's own number.
        answer = self.guest.run("printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' | socat -t 60 - VSOCK-CONNECT:1:10177")
        self.assertIn("vqscope_online_cpus 2", answer)

    def test_is_started_by_a_scrape_through_its_socket(self):
        self.configure("--web.systemd-socket")
        self.guest.run(f"systemctl stop {UNIT} && systemctl enable --quiet --now vqscope.socket")
        self.assertEqual(self.guest.properties(UNIT, "ActiveState")["ActiveState"], "inactive")
        self.assertIsNotNone(self.scrape().one("vqscope_online_cpus"))
        self.wait_active()
        # A scrape during a restart waits.
        self.guest.run(f"systemctl restart --no-block {UNIT}")
        self.assertIsNotNone(self.scrape().one("vqscope_online_cpus"))

    def test_serves_a_socket_that_systemd_opened_on_vsock(self):
        if self.guest.status("modprobe vsock_loopback"):
            self.skipTest("this kernel has no vsock_loopback")
        self.guest.write("/etc/systemd/system/vqscope.socket.d/vsock.conf",
                         "[Socket]\nListenStream=\nListenStream=vsock::10177\n")
        self.configure("--web.systemd-socket")
        self.guest.run(f"systemctl daemon-reload; systemctl stop {UNIT} && systemctl start vqscope.socket")
        answer = self.guest.run("printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' | socat -t 60 - VSOCK-CONNECT:1:10177")
        self.assertIn("vqscope_online_cpus 2", answer)

    def test_upgrade_keeps_the_configuration_and_restarts_and_purge_leaves_nothing(self):
        pid = self.pid()
        self.configure("--log.format=json")
        configuration = self.guest.run("cat /etc/default/vqscope")
        self.guest.run(f"dpkg --force-confdef --force-confold --install /payload/{self.newer.name}")
        self.wait_active()
        self.assertNotEqual(self.pid(), pid)
        self.assertEqual(self.guest.run("cat /etc/default/vqscope"), configuration)
        self.assertRegex(self.journal(), r'\{.*"level"')  # with the flags that were kept
        self.assertEqual(self.guest.run("dpkg-query -W -f='${Version}' vqscope"), "99.0")

        self.guest.run("dpkg --remove vqscope")
        self.assertEqual(self.guest.properties(UNIT, "LoadState", "ActiveState"),
                         {"LoadState": "not-found", "ActiveState": "inactive"})
        self.assertNotEqual(self.guest.status("pidof vqscope"), 0)
        self.assertEqual(self.guest.run("cat /etc/default/vqscope"), configuration)

        self.guest.run("dpkg --purge vqscope")
        self.assertEqual(self.guest.run("cat /etc/passwd /etc/group"), self.account_before)
        self.assertEqual(self.left_behind(), set())

    def test_rpm_of_the_static_build_from_installation_to_removal(self):
        """By rpm on Debian: it has no database of the libraries that are there, so they are not asked of it."""
        if not self.rpms:
            self.skipTest(self.no_rpms)
        self.guest.run("dpkg --purge vqscope")
        self.addCleanup(self.guest.run, "rpm --erase vqscope", check=False)
        first, second = (f"rpm --nodeps {{}} /payload/{path.name}".format for path in self.rpms)
        self.guest.run(f"{first('--install')} && systemctl enable --now {UNIT}")
        self.wait_active()
        self.assertIsNotNone(self.scrape().one("vqscope_online_cpus"))
        self.assertEqual(self.guest.run("rpm --verify --nodeps vqscope"), "")

        pid = self.pid()
        self.configure("--log.format=json")
        configuration = self.guest.run("cat /etc/default/vqscope")
        self.guest.run(second("--upgrade"))
        self.wait_active()
        self.assertNotEqual(self.pid(), pid)
        self.assertEqual(self.guest.run("cat /etc/default/vqscope"), configuration)
        self.assertRegex(self.journal(), r'\{.*"level"')

        self.guest.run("rpm --erase vqscope")
        self.assertEqual(self.guest.properties(UNIT, "LoadState", "ActiveState"),
                         {"LoadState": "not-found", "ActiveState": "inactive"})
        self.assertNotEqual(self.guest.status("pidof vqscope"), 0)
        self.assertEqual(self.guest.run("cat /etc/default/vqscope.rpmsave"), configuration)
        # As the documentation says, the user stays.
        self.guest.run("rm /etc/default/vqscope.rpmsave && userdel vqscope")
        # Directories that belong to Fedora's package `filesystem`, and to none on Debian.
        shells = {"/usr/share/fish", "/usr/share/fish/vendor_completions.d", "/usr/share/zsh/site-functions"}
        self.assertEqual(self.left_behind() - shells, set())
        self.guest.run("rmdir /usr/share/fish/vendor_completions.d /usr/share/fish /usr/share/zsh/site-functions")


if __name__ == "__main__":
    vqtest.main()
