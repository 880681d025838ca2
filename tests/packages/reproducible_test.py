# SPDX-License-Identifier: Apache-2.0
"""Two builds of the same commit, in two directories and at two times, give the same packages."""

import filecmp
import os
import pathlib
import tempfile
import unittest

import packages
import vqtest


class Reproducible(unittest.TestCase):
    def setUp(self):
        vqtest.require("git", "cmake", "ninja", "cpack")
        # Every file is compiled twice: a compiler cache would compare a build with itself.
        self.environment = {**os.environ, "CCACHE_DISABLE": "1"}

    def build(self, sources, build, commit_time):
        """The packages of a clone in `sources`, by name. The clone's files get `commit_time` as their times."""
        output = sources.parent / "packages"
        vqtest.run("git", "clone", "-q", "--no-local", packages.ROOT, sources)
        for path in sources.rglob("*"):
            if ".git" not in path.parts:
                os.utime(path, (commit_time, commit_time))
        vqtest.run("cmake", "-G", "Ninja", "-S", sources, "-B", build, "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                   env=self.environment)
        vqtest.run("cmake", "--build", build, env=self.environment)
        vqtest.run(sources / "deploy/packages/build.sh", "DEB", build, output)
        return {path.name: path for path in output.iterdir() if path.suffix in (".deb", ".ddeb")}

    def test_two_builds_are_the_same_byte_by_byte(self):
        with tempfile.TemporaryDirectory(prefix="vqscope-a-") as one, \
                tempfile.TemporaryDirectory(prefix="vqscope-another-") as two:
            # As the presets have it, and outside of the sources.
            one, two = pathlib.Path(one, "sources"), pathlib.Path(two, "deeper/sources")
            first = self.build(one, one / "build/release", 1_600_000_000)
            second = self.build(two, two.parent / "binaries", 1_700_000_000)
            self.assertEqual(set(first), set(second))
            self.assertEqual(len(first), 2)
            for name, path in first.items():
                self.assertTrue(filecmp.cmp(path, second[name], shallow=False), f"{name} differs: diffoscope says how")


if __name__ == "__main__":
    vqtest.main()
