# SPDX-License-Identifier: Apache-2.0
"""The RPM of the static build, as rpm sees it; systemd_test.py installs it."""

import filecmp
import pathlib
import tempfile
import unittest

import packages
import vqtest
from deb_test import FILES


class RpmPackage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="vqscope-rpm-"))
        cls.rpm = packages.make_rpm(pathlib.Path(directory, "rpm"))

    def query(self, *options):
        return vqtest.run("rpm", "-qp", *options, self.rpm)

    def test_holds_the_files_of_the_debian_package_at_its_own_places(self):
        expected = {path.replace("zsh/vendor-completions", "zsh/site-functions") for path in FILES}
        expected -= {"/usr/share/doc/vqscope/changelog.gz"}
        found = set(self.query("-l").splitlines())
        directories = {path for path in found if any(other.startswith(path + "/") for other in found)}
        self.assertEqual(found - directories, expected)
        # Only directories of its own: others belong to other packages.
        self.assertEqual({path for path in directories if "vqscope" not in path}, set())

    def test_configuration_is_kept(self):
        self.assertEqual(self.query("--configfiles").split(), ["/etc/default/vqscope"])
        self.assertEqual(self.query("--queryformat", "[%{FILENAMES} %{FILEFLAGS:fflags}\\n]").split("/etc/default/vqscope ")
                         [1].split("\n")[0], "cn")

    def test_requires_only_what_every_distribution_of_that_kind_has(self):
        libraries = {line.split("(")[0] for line in self.query("--requires").splitlines() if ".so" in line}
        self.assertLessEqual(libraries, {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "libgnutls.so.30",
                                         "libsystemd.so.0"})

    def test_is_the_same_when_made_again(self):
        with tempfile.TemporaryDirectory(prefix="vqscope-rpm-") as directory:
            self.assertTrue(filecmp.cmp(self.rpm, packages.make_rpm(pathlib.Path(directory, "again")), shallow=False))

    def test_scriptlets_are_those_of_a_systemd_service(self):
        scripts = self.query("--scripts")
        for words in ("systemd-sysusers vqscope.conf", "preset vqscope.service", "disable --now vqscope.service",
                      "try-restart vqscope.service"):
            self.assertIn(words, scripts)


if __name__ == "__main__":
    vqtest.main()
