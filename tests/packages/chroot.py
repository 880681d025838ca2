# SPDX-License-Identifier: Apache-2.0
"""A minimal Debian in a directory, made once by mmdebstrap and kept as an archive in the lab's cache."""

import os
import pathlib
import re
import subprocess
import tempfile

import vqtest

# init-system-helpers comes with systemd-sysv; curl is to scrape from inside.
INCLUDE = "systemd-sysv,curl"
MIRROR = os.environ.get("VQSCOPE_DEBIAN_MIRROR", "http://deb.debian.org/debian")


def release():
    text = pathlib.Path("/etc/os-release").read_text()
    return re.search(r"(?m)^VERSION_CODENAME=(\S+)", text)[1]


def bootstrap(target, include):
    """A minimal Debian with these packages more, as a directory or an archive."""
    vqtest.run("mmdebstrap", "--quiet", "--variant=minbase", *(["--include=" + ",".join(include)] if include else []),
               release(), target, MIRROR)


def archive(include):
    base = os.environ.get("VQSCOPE_LAB_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "vqscope-lab")
    pathlib.Path(base).mkdir(parents=True, exist_ok=True)
    path = pathlib.Path(base, f"{release()}{'-' + include.replace(',', '-') if include else ''}.tar")
    if not path.exists():
        work = path.with_suffix(".part.tar")
        bootstrap(work, include.split(",") if include else ())
        work.rename(path)
    return path


class Chroot:
    """Unpacked, with /proc, /sys and /dev of this machine, which a test may not change; removed at the end."""

    def __init__(self, test, include=INCLUDE):
        vqtest.require_root()
        vqtest.require("mmdebstrap", "chroot", "mount", "umount")
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="vqscope-chroot-"))
        test.addCleanup(vqtest.run, "rm", "-rf", "--one-file-system", self.root)
        vqtest.run("tar", "-xf", archive(include), "-C", self.root)
        # The machine's own files must not be removed with the tree.
        for name, options in (("proc", ["-t", "proc", "proc"]), ("sys", ["--bind", "-o", "ro", "/sys"]),
                              ("dev", ["--bind", "/dev"])):
            vqtest.run("mount", *options, self.root / name)
            test.addCleanup(vqtest.run, "umount", "--recursive", self.root / name)

    def run(self, *command, **keywords):
        return vqtest.run("chroot", self.root, *command,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/root",
                               "DEBIAN_FRONTEND": "noninteractive"}, **keywords)

    def status(self, *command):
        """Exit status, standard output and standard error."""
        done = subprocess.run(["chroot", self.root, *map(str, command)], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def copy(self, path, to="/tmp"):
        target = self.root / to.lstrip("/") / pathlib.Path(path).name
        vqtest.run("cp", path, target)
        return "/" + str(target.relative_to(self.root))

    def files(self):
        """Every path with its type, and the content of what is in /etc; without caches and logs of apt and dpkg."""
        found = {}
        volatile = ("proc", "sys", "dev", "tmp", "var/cache", "var/log", "var/lib/apt", "var/lib/dpkg", "run")
        for directory, directories, names in os.walk(self.root):
            here = os.path.relpath(directory, self.root)
            directories[:] = [name for name in directories
                              if os.path.normpath(os.path.join(here, name)) not in volatile]
            for name in directories + names:
                path = pathlib.Path(directory, name)
                inside = str(path.relative_to(self.root))
                plain = path.is_file() and not path.is_symlink()
                found[inside] = path.read_bytes() if plain and inside.startswith("etc/") else path.is_symlink()
        return found
