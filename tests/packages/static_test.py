# SPDX-License-Identifier: Apache-2.0
"""The static build: what it still needs, and that it runs where nothing was installed for it."""

import re
import unittest

import chroot
import packages
import vqtest

STATIC = packages.STATIC / "vqscope"
# glibc, and what every distribution with systemd has. libm and the dynamic linker belong to glibc.
ALLOWED = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libgnutls.so.30",
           "libsystemd.so.0"}


def newest(symbols, prefix):
    versions = {tuple(map(int, v.split("."))) for v in re.findall(rf"\({prefix}([0-9.]+)\)", symbols)}
    return ".".join(map(str, max(versions)))


class StaticBuild(unittest.TestCase):
    def setUp(self):
        if not STATIC.exists():
            raise unittest.SkipTest(f"{STATIC} is not built; tests/run.sh packages does")

    def test_needs_nothing_but_what_is_everywhere(self):
        needed = set(re.findall(r"NEEDED\s+(\S+)", vqtest.run("objdump", "-p", STATIC)))
        self.assertLessEqual(needed, ALLOWED)

    def test_needs_the_glibc_that_the_documentation_names(self):
        version = newest(vqtest.run("objdump", "-T", STATIC), "GLIBC_")
        self.assertIn(f"**glibc {version}** or newer", " ".join((packages.ROOT / "deploy/INSTALL.md").read_text().split()))

    def test_says_what_is_left_out(self):
        self.assertRegex(vqtest.run(STATIC, "--version"), r"(?m)^  --url: +no$")
        done = packages.run_quietly(STATIC, "doctor", "--url", "http://127.0.0.1:1")
        self.assertEqual(done.returncode, 3)
        self.assertIn("built without libcurl", done.stderr)

    def test_runs_in_a_minimal_debian(self):
        debian = chroot.Chroot(self, include="")
        binary = debian.copy(STATIC, "/usr/bin")
        self.assertEqual(debian.run(binary, "--version"), vqtest.run(STATIC, "--version"))
        agent = vqtest.Agent(self, binary=("chroot", debian.root, binary))
        self.assertIsNotNone(agent.scrape().one("vqscope_online_cpus"))


if __name__ == "__main__":
    vqtest.main()
