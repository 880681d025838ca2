# SPDX-License-Identifier: Apache-2.0
"""Two builds of the same commit, in two directories and at two times, give the same packages."""

import filecmp
import os
import pathlib
import tempfile
import unittest

import packages
import vqtest

# Of the second build's files; those of the first have the times of their checkout.
TIME = 1_600_000_000


class Reproducible(unittest.TestCase):
    """The first build is the one under test, in the directory that the preset has for it. The second is of a clone, with
    its binaries outside of the sources."""

    def setUp(self):
        vqtest.require("git", "cmake", "ninja", "cpack")
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-clone-")))
        if vqtest.run("git", "-C", packages.ROOT, "status", "--porcelain", "--untracked-files=no"):
            self.skipTest("the work tree has changes that a clone does not have")
        revision = vqtest.run("git", "-C", packages.ROOT, "rev-parse", "--short=12", "HEAD").strip()
        self.assertIn(revision, vqtest.run(vqtest.AGENT, "--version"), "the build under test is of another commit")

    def build_clone(self):
        sources, build = self.directory / "deeper/sources", self.directory / "binaries"
        vqtest.run("git", "clone", "-q", "--no-local", packages.ROOT, sources)
        for path in sources.rglob("*"):
            if ".git" not in path.parts:
                os.utime(path, (TIME, TIME))
        # A compiler cache would compare a build with itself.
        environment = {**os.environ, "CCACHE_DISABLE": "1"}
        vqtest.run("cmake", "-G", "Ninja", "-S", sources, "-B", build, "-DCMAKE_BUILD_TYPE=RelWithDebInfo", env=environment)
        vqtest.run("cmake", "--build", build, env=environment)
        return build

    def test_two_builds_are_the_same_byte_by_byte(self):
        first = packages.make("DEB", packages.BUILD, self.directory / "first")
        second = packages.make("DEB", self.build_clone(), self.directory / "second")
        self.assertEqual([path.name for path in first], [path.name for path in second])
        self.assertEqual(len(first), 2)  # debug symbols apart
        for one, other in zip(first, second):
            self.assertTrue(filecmp.cmp(one, other, shallow=False), f"{one.name} differs: diffoscope says how")


if __name__ == "__main__":
    vqtest.main()
