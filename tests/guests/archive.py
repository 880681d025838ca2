# SPDX-License-Identifier: Apache-2.0
"""A suite of Debian's mirror, by apt with directories of its own: this machine gets no other suite."""

import fcntl
import re
import subprocess
import time
import unittest

MIRROR = "http://deb.debian.org/debian"
# Of these, updates come by another name.
WITH_SECURITY = ("bullseye", "bookworm", "trixie")
# What apt would fetch of a suite beside the list of packages.
LEFT_OUT = ("Translations", "DEP-11", "DEP-11-icons-small", "DEP-11-icons", "Contents-deb")


FRESH = 3600  # seconds for which a list of packages is not fetched again


class Suite:
    """Its list of packages is kept in `directory`. Where it cannot be fetched anew, that of before is used."""

    def __init__(self, name, directory):
        self.name, root = name, directory / "apt" / name
        for part in ("lists/partial", "archives/partial"):
            (root / part).mkdir(parents=True, exist_ok=True)
        lines = [f"deb {MIRROR} {name} main"]
        if name in WITH_SECURITY:
            lines.append(f"deb {MIRROR}-security {name}-security main")
        (root / "sources.list").write_text("\n".join(lines) + "\n")
        (root / "status").touch()
        settings = {"Dir::Etc::SourceList": root / "sources.list", "Dir::Etc::SourceParts": "-",
                    "Dir::Etc::Preferences": "-", "Dir::Etc::PreferencesParts": "-", "Dir::State": root,
                    "Dir::State::Lists": root / "lists", "Dir::State::status": root / "status", "Dir::Cache": root,
                    "Acquire::Languages": "none", "Acquire::Retries": "3",
                    **{f"Acquire::IndexTargets::deb::{target}::DefaultEnabled": "false" for target in LEFT_OUT}}
        self.options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        with open(root / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._update(root / "updated")

    def _update(self, stamp):
        if stamp.exists() and time.time() - stamp.stat().st_mtime < FRESH:
            return
        try:
            self._apt("apt-get", "update", "--error-on=any")
            stamp.touch()
        except unittest.SkipTest:
            if not stamp.exists():
                raise

    def _apt(self, program, *arguments, **keywords):
        done = subprocess.run([program, *self.options, "-qq", *arguments], capture_output=True, text=True, **keywords)
        if done.returncode != 0:
            raise unittest.SkipTest(f"{MIRROR} {self.name}: {program} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def packages(self, pattern):
        """Names that match."""
        return [name for name in self._apt("apt-cache", "pkgnames").split() if re.fullmatch(pattern, name)]

    def download(self, directory, kernel):
        """The package of a kernel, and those of the same version that hold its image and its modules, if it has not."""
        version = kernel.removeprefix("linux-image-")
        parts = [f"linux-{part}-{version}" for part in ("binary", "modules")]
        depends = self._apt("apt-cache", "depends", kernel)
        self._apt("apt-get", "download", kernel, *(part for part in parts if part in depends), cwd=directory)
