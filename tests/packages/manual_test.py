# SPDX-License-Identifier: Apache-2.0
"""The manual page and the completions against the flags that the binary has."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import packages
import vqtest

PAGE = packages.ROOT / "deploy/packages/vqscope.1"
COMPLETIONS = packages.ROOT / "deploy/packages/completions"


class Manual(unittest.TestCase):
    def test_mandoc_and_man_have_nothing_to_say(self):
        vqtest.require("mandoc", "man")
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", PAGE], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        done = subprocess.run(["man", "--warnings", "--local-file", PAGE], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_has_every_command_and_flag_and_no_others(self):
        text = PAGE.read_text()
        sections = dict(re.findall(r"(?ms)^\.Ss (.+?)\n(.*?)(?=^\.S[sh] )", text))
        listed = {name: {"-" + flag for flag in re.findall(r"(?m)^\.It Fl (-\S+)", body)}
                  for name, body in sections.items()}
        shared = listed["What is measured"]
        self.assertEqual(set(listed) - {"What is measured"}, set(packages.commands()))
        for command in packages.commands():
            expected = packages.flags(command) - {"--help"}
            measures = command in ("serve", "doctor", "top", "record")
            self.assertEqual(listed[command] | (shared if measures else set()), expected, command)
        self.assertEqual(packages.flags(), {"--help", "--version"})


class Completions(unittest.TestCase):
    """In the shells themselves."""

    def setUp(self):
        directory = self.enterContext(tempfile.TemporaryDirectory(prefix="vqscope-complete-"))
        os.symlink(pathlib.Path(vqtest.AGENT).resolve(), f"{directory}/vqscope")
        self.environment = {**os.environ, "PATH": f"{directory}:{os.environ['PATH']}", "HOME": directory,
                            "XDG_CONFIG_HOME": directory, "XDG_DATA_HOME": directory}

    def check(self, complete):
        """`complete` returns the completions of a command line's last word."""
        self.assertEqual(complete("vqscope "), set(packages.commands()))
        self.assertEqual(complete("vqscope do"), {"doctor"})
        self.assertEqual(complete("vqscope --"), packages.flags())
        for command in packages.commands():
            self.assertEqual(complete(f"vqscope {command} --"), packages.flags(command), command)
        self.assertEqual(complete("vqscope serve --log."), {"--log.level", "--log.format"})
        self.check_values(complete)
        self.check_arguments(complete)

    def check_values(self, complete):
        for form in ("--format ", "--format="):
            prefix = form if form.endswith("=") else ""
            for command in ("doctor", "compare"):
                self.assertEqual(complete(f"vqscope {command} {form}"),
                                 {prefix + word for word in ("text", "md", "markdown", "json")}, command)
        self.assertEqual(complete("vqscope doctor --idle o"), {"ok"})
        self.assertEqual(complete("vqscope doctor --idle=u"), {"--idle=unknown"})
        self.assertEqual(complete("vqscope doctor --platform o"), {"ovirt", "openstack"})
        self.assertEqual(complete("vqscope top --log.level w"), {"warn"})
        self.assertEqual(complete("vqscope serve --require-probe l"), {"lock"})
        self.assertEqual(complete("vqscope doctor --duration "), set())
        self.assertEqual(complete("vqscope top --url "), set())

    def check_arguments(self, complete):
        disks = {name.replace("!", "/") for name in os.listdir("/sys/block")
                 if not re.fullmatch("(loop|ram|zram)[0-9]+", name)}
        files = {f"/dev/{disk}" for disk in disks}
        for command in ("doctor ", "top ", "doctor --json ", "top --once ", "doctor vda ", "serve --device ",
                        "record x --device "):
            self.assertEqual(complete(f"vqscope {command}"), disks, command)
        self.assertEqual(complete("vqscope serve --device="), {f"--device={disk}" for disk in disks})
        for command in ("doctor", "top"):
            self.assertEqual(complete(f"vqscope {command} /dev/"), files)
        self.assertIn("single_queue", complete("vqscope explain "))
        self.assertIn("stale_slot", complete("vqscope explain "))
        self.assertEqual(complete("vqscope explain single_queue "), set())
        self.assertEqual(complete("vqscope help doctor "), set())
        load = pathlib.Path(self.environment["HOME"], "vqscope-load")
        load.touch(mode=0o755)
        self.assertEqual(complete("vqscope record x -- vqscope-l"), {"vqscope-load"})

    def shell(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=self.environment)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def test_bash(self):
        def complete(line):
            words = line.split(" ")
            return set(self.shell("bash", "--norc", "-c", '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                                  '_vqscope; printf "%s\\n" "${COMPREPLY[@]}"', "bash", COMPLETIONS / "vqscope.bash",
                                  *words).split())

        self.check(complete)

    def test_fish(self):
        vqtest.require("fish")
        self.check(lambda line: {answer.split("\t")[0] for answer in self.shell(
            "fish", "--no-config", "-c", f"source '{COMPLETIONS / 'vqscope.fish'}'; complete -C '{line}'").splitlines()})

    def test_zsh(self):
        vqtest.require("zsh")
        # compadd and _describe are the interface between a completion function and zsh: they show what it offers, the
        # filter by what is typed so far is zsh's own.
        script = """
          compadd() { [[ $1 == -a ]] && print -l -- ${(P)2}; }
          _describe() { print -l -- ${${(P)2}%%:*}; }
          _files() { :; }
          _command_names() { rehash; print -l -- ${(k)commands}; }
          words=("$@"); CURRENT=$#; current=${words[CURRENT]}
          source $COMPLETION
        """
        self.environment["COMPLETION"] = str(COMPLETIONS / "_vqscope")

        def complete(line):
            words = line.split(" ")
            offered = self.shell("zsh", "--no-rcs", "-c", script, "zsh", *words).split()
            return {word for word in offered if word.startswith(words[-1])}

        self.check(complete)


if __name__ == "__main__":
    vqtest.main()
