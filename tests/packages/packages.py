# SPDX-License-Identifier: Apache-2.0
"""What the tests of the packages share."""

import os
import pathlib
import re
import subprocess

import vqtest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(vqtest.AGENT).resolve().parent


def make(form, build, output, **environment):
    """Makes the packages of a build, and returns those files that this made."""
    output = pathlib.Path(output)
    vqtest.run(ROOT / "deploy/packages/build.sh", form, build, output, env={**os.environ, **environment})
    return sorted(path for path in output.iterdir() if path.suffix in (".deb", ".ddeb", ".rpm"))


def make_deb(output):
    return next(path for path in make("DEB", BUILD, output) if path.suffix == ".deb")


def commands():
    """The commands that `vqscope --help` names."""
    text = vqtest.run(vqtest.AGENT, "--help")
    return re.findall(r"(?m)^  ([a-z]+) ", text[text.index("Subcommands:"):])


def flags(*command):
    """The long flags that `vqscope COMMAND --help` names."""
    return set(re.findall(r"(?m)^ +(?:-h,)?(--[a-z][a-z.-]+)", vqtest.run(vqtest.AGENT, *command, "--help")))


def run_quietly(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60)
