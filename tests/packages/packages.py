# SPDX-License-Identifier: Apache-2.0
"""What the tests of the packages share."""

import os
import pathlib
import re
import subprocess
import unittest

import vqtest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(vqtest.AGENT).resolve().parent
STATIC = ROOT / "build/release-static"


def make(form, build, output, *options):
    """Makes the packages of a build with these options of cpack, and returns those files that this made."""
    output = pathlib.Path(output)
    vqtest.run(ROOT / "deploy/packages/build.sh", form, build, output, *options)
    return sorted(path for path in output.iterdir() if path.suffix in (".deb", ".ddeb", ".rpm"))


def make_deb(output):
    """The Debian package, compressed in a way that takes no minute: for tests that look at what is in it."""
    made = make("DEB", BUILD, output, "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip")
    return next(path for path in made if path.suffix == ".deb")


def make_rpm(output, version=None):
    """The RPM of the static build, perhaps as another version; skips where that build is missing."""
    vqtest.require("rpm", "rpmbuild", "cpack")
    if not (STATIC / "vqscope").exists():
        raise unittest.SkipTest(f"{STATIC}/vqscope is not built; tests/run.sh packages does")
    output.mkdir()
    return next(path for path in make("RPM", STATIC, output, *(["-R", version] if version else []))
                if path.suffix == ".rpm")


def commands():
    """The commands that `vqscope --help` names."""
    text = vqtest.run(vqtest.AGENT, "--help")
    return re.findall(r"(?m)^  ([a-z]+) ", text[text.index("Subcommands:"):])


def flags(*command):
    """The long flags that `vqscope COMMAND --help` names."""
    return set(re.findall(r"(?m)^ +(?:-h,)?(--[a-z][a-z.-]+)", vqtest.run(vqtest.AGENT, *command, "--help")))


def run_quietly(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60)
