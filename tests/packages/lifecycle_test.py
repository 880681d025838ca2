# SPDX-License-Identifier: Apache-2.0
"""The Debian package from installation to purge, in a minimal Debian on this machine's kernel."""

import pathlib
import re
import subprocess
import tempfile
import unittest

import chroot
import packages
import vqtest


def newer(deb, version):
    """The same package as another version, repacked by dpkg-deb, with another default configuration."""
    with tempfile.TemporaryDirectory(dir=deb.parent) as work:
        vqtest.run("dpkg-deb", "--raw-extract", deb, f"{work}/tree")
        control = pathlib.Path(work, "tree/DEBIAN/control")
        control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
        defaults = pathlib.Path(work, "tree/etc/default/vqscope")
        defaults.write_text(defaults.read_text() + "# new in this version\n")
        path = deb.with_name(f"newer_{version}.deb")
        vqtest.run("dpkg-deb", "--root-owner-group", "--build", f"{work}/tree", path)
        return path


class Lifecycle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        vqtest.require_root()
        vqtest.require("mmdebstrap", "cpack")
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="vqscope-deb-"))
        cls.deb = packages.make_deb(cls.directory)

    def scrape(self, debian):
        """Runs the installed agent, as the unit does but for systemd, and scrapes it from inside."""
        log = pathlib.Path(debian.root, "tmp/agent.log")
        with open(log, "w") as file:
            agent = subprocess.Popen(["chroot", debian.root, "/usr/bin/vqscope", "serve", "--user=vqscope",
                                      "--web.listen-address=127.0.0.1:0"], stderr=file)
        try:
            def address():
                self.assertIsNone(agent.poll(), log.read_text())
                return re.search(r"serves (http://\S+)", log.read_text())

            url = vqtest.wait_for(address, "the agent to serve", 30)[1]
            status = pathlib.Path(f"/proc/{agent.pid}/status").read_text()
            user = re.search(r"(?m)^vqscope:[^:]*:(\d+):", (debian.root / "etc/passwd").read_text())[1]
            self.assertEqual(re.search(r"Uid:\s+(\d+)", status)[1], user)
            return vqtest.Scrape(debian.run("curl", "-fsS", url))
        finally:
            agent.terminate()
            agent.wait(20)

    def test_install_run_upgrade_remove_purge(self):
        debian = chroot.Chroot(self)
        # dpkg may need the libraries from the mirror.
        debian.run("apt-get", "update", "-qq")
        control = vqtest.run("dpkg-deb", "--field", self.deb, "Depends")
        before_libraries = debian.files()
        deb = debian.copy(self.deb)
        debian.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", deb)
        self.assertEqual(debian.run("dpkg-query", "-W", "-f=${Status}", "vqscope"), "install ok installed", control)
        self.assertEqual(debian.run("dpkg", "--verify", "vqscope"), "")
        self.assertRegex((debian.root / "etc/passwd").read_text(), r"(?m)^vqscope:.*:/usr/sbin/nologin$")
        self.assertEqual(debian.run("systemctl", "is-enabled", "vqscope.service").strip(), "enabled")
        self.assertEqual(debian.status("systemctl", "is-enabled", "vqscope.socket")[1].strip(), "disabled")

        scrape = self.scrape(debian)
        self.assertIsNotNone(scrape.one("vqscope_online_cpus"))
        self.assertTrue(scrape.all("vqscope_probe_up"))

        # What the administrator decided stays.
        defaults = debian.root / "etc/default/vqscope"
        defaults.write_text('ARGS="--log.format=json"\n')
        debian.run("systemctl", "disable", "-q", "vqscope.service")
        upgrade = debian.copy(newer(self.deb, "99.0"))
        debian.run("apt-get", "install", "-y", "-qq", "-o", "Dpkg::Options::=--force-confdef", "-o",
                   "Dpkg::Options::=--force-confold", upgrade)
        self.assertEqual(debian.run("dpkg-query", "-W", "-f=${Version}", "vqscope"), "99.0")
        self.assertEqual(defaults.read_text(), 'ARGS="--log.format=json"\n')
        self.assertEqual(debian.status("systemctl", "is-enabled", "vqscope.service")[1].strip(), "disabled")

        debian.run("apt-get", "remove", "-y", "-qq", "vqscope")
        self.assertFalse((debian.root / "usr/bin/vqscope").exists())
        self.assertEqual(defaults.read_text(), 'ARGS="--log.format=json"\n')

        debian.run("apt-get", "purge", "-y", "-qq", "vqscope")
        debian.run("apt-get", "autoremove", "-y", "-qq", "--purge")
        # Backups that useradd and ldconfig keep of their own files are not the package's.
        ours = {"etc/ld.so.cache", "etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/.pwd.lock",
                "var/cache/ldconfig/aux-cache"}
        after = debian.files()
        changed = {path for path in {*after, *before_libraries} - ours if after.get(path) != before_libraries.get(path)}
        self.assertEqual(changed, set())
        self.assertEqual(list(debian.root.glob("var/lib/dpkg/info/vqscope*")), [])

    def test_restarts_the_service_on_upgrade_and_stops_it_on_removal(self):
        """What the maintainer scripts ask of systemd, seen by a systemctl that writes it down."""
        debian = chroot.Chroot(self)
        debian.run("apt-get", "update", "-qq")
        calls = debian.root / "tmp/calls"
        (debian.root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
        debian.run("dpkg-divert", "--local", "--rename", "--add", "/usr/bin/deb-systemd-invoke")
        spy = debian.root / "usr/bin/deb-systemd-invoke"
        spy.write_text('#!/bin/sh\necho "$@" >> /tmp/calls\n')
        spy.chmod(0o755)
        (debian.root / "usr/bin/systemctl").rename(debian.root / "usr/bin/systemctl.real")
        (debian.root / "usr/bin/systemctl").write_text("#!/bin/sh\nexit 0\n")
        (debian.root / "usr/bin/systemctl").chmod(0o755)

        def calls_of(*command):
            calls.write_text("")
            debian.run(*command)
            return [line for line in calls.read_text().splitlines() if "vqscope" in line]

        install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends")
        self.assertEqual(calls_of(*install, debian.copy(self.deb)), ["start vqscope.service"])
        self.assertEqual(calls_of(*install, debian.copy(newer(self.deb, "99.0"))), ["restart vqscope.service"])
        self.assertEqual(calls_of("dpkg", "--remove", "vqscope"), ["stop vqscope.socket vqscope.service"])


if __name__ == "__main__":
    vqtest.main()
