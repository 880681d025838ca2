# SPDX-License-Identifier: Apache-2.0
"""A guest that boots a minimal Debian with its own systemd, and what the package depends on already installed: in it the
package can be installed without a network. Needs the kernels and QEMU of tests/guests."""

import base64
import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile

import vqtest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "guests"))

import chroot
from guest import Disk, Guest, Layout
from kernels import Kernel, cache_directory, tool

# Debian 12's own kernel: its virtio drivers are modules.
KERNEL = "6.1"
INCLUDE = ("systemd-sysv", "udev", "kmod", "curl", "fio", "socat", "rpm")
# A loaded emulator boots a Debian in minutes.
BOOT_SECONDS = 1200
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
# The disk whose serial number is "root" may come late.
until root=$(grep -lx root /sys/block/*/serial); do usleep 100000; done
root=${root%/serial}
mount -t ext4 /dev/${root##*/} /root
umount /proc /sys /dev
exec switch_root /root /sbin/init
"""
# Commands come as lines of base64 through the second serial port, as tests/guests/kernels.py has it.
SHELL = """#!/bin/sh
exec 3<> /dev/ttyS1
stty raw -echo <&3
echo LAB-READY >&3
while read -r line; do
  echo "$line" | base64 -d > /run/lab-command
  sh /run/lab-command < /dev/null 2>&1
  echo "LAB-DONE $?"
done <&3 >&3
"""
SHELL_UNIT = """[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/local/sbin/lab-shell
Restart=always
"""


def dependencies(deb):
    """Names of what the package depends on; of alternatives the first."""
    field = vqtest.run("dpkg-deb", "--field", deb, "Depends")
    return tuple(re.match(r"[a-z0-9.+-]+", one.strip())[0] for one in field.split(","))


def insmod_order(kernel, *modules):
    """Files of these modules after those of what they need; without what the kernel has built in."""
    files = {}
    for module in modules:
        done = subprocess.run([tool("modprobe"), "-d", kernel.root, "-S", kernel.version, "--show-depends", module],
                              capture_output=True, text=True)
        files.update(dict.fromkeys(line.split()[1] for line in done.stdout.splitlines() if line.startswith("insmod ")))
    return [pathlib.Path(file) for file in files]


def build_initramfs(kernel, path):
    with tempfile.TemporaryDirectory(prefix="vqscope-initramfs-") as work:
        tree = pathlib.Path(work)
        for directory in ("bin", "proc", "sys", "dev", "root", "modules"):
            (tree / directory).mkdir()
        vqtest.run("cp", tool("busybox"), tree / "bin/busybox")
        order = insmod_order(kernel, "virtio_pci", "virtio_blk", "ext4")
        for module in order:
            vqtest.run("cp", module, tree / "modules")
        (tree / "modules/order").write_text("".join(f"{module.name}\n" for module in order))
        (tree / "init").write_text(INIT)
        (tree / "init").chmod(0o755)
        with open(path, "wb") as file:
            subprocess.run("find . | cpio --quiet -o -H newc", shell=True, cwd=tree, check=True, stdout=file)


def root_image(kernel, include):
    """A disk with Debian and the kernel's modules, made once and kept in the lab's cache."""
    recipe = " ".join((chroot.release(), kernel.version, *sorted(include), INIT, SHELL, SHELL_UNIT))
    path = cache_directory() / f"systemd-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.img"
    if path.exists():
        return path
    with tempfile.TemporaryDirectory(prefix="vqscope-root-") as work:
        tree, image = pathlib.Path(work, "tree"), cache_directory() / f"{path.stem}.part"
        chroot.bootstrap(tree, include)
        vqtest.run("cp", "-a", kernel.root / "lib/modules", tree / "usr/lib/")
        (tree / "etc/fstab").write_text("")
        (tree / "etc/hostname").write_text("lab\n")
        shell = tree / "usr/local/sbin/lab-shell"
        shell.write_text(SHELL)
        shell.chmod(0o755)
        units = tree / "etc/systemd/system"
        (units / "lab-shell.service").write_text(SHELL_UNIT)
        (units / "sysinit.target.wants").mkdir(exist_ok=True)
        (units / "sysinit.target.wants/lab-shell.service").symlink_to("../lab-shell.service")
        # What a test has no use for, and an emulator takes long for.
        for unit in ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer",
                     "dpkg-db-backup.timer", "serial-getty@ttyS0.service", "getty@tty1.service"):
            (units / unit).symlink_to("/dev/null")
        image.unlink(missing_ok=True)
        vqtest.run(tool("mke2fs"), "-q", "-t", "ext4", "-d", tree, image, "2G")
        image.rename(path)
    return path


class Machine:
    """The guest, booted. The files `payload` are in /payload; the disk with serial number "data" is empty."""

    def __init__(self, test, deb, payload):
        """`test` is a test class or case that cleans up."""
        kernel = Kernel(KERNEL)
        work = pathlib.Path(test.enterClassContext(tempfile.TemporaryDirectory(prefix="vqscope-machine-")))
        image = root_image(kernel, (*INCLUDE, *dependencies(deb)))
        build_initramfs(kernel, work / "initramfs")
        vqtest.run("tar", "-cf", work / "payload", *(option for file in payload
                                                     for option in ("-C", file.parent, file.name)))
        layout = Layout(cpus="2", silence=BOOT_SECONDS, disks=(
            Disk("root", "virtio-blk-pci,num-queues=1", backend=f"file={image},format=raw,snapshot=on"),
            Disk("payload", "virtio-blk-pci,num-queues=1", backend=f"file={work / 'payload'},format=raw,snapshot=on"),
            Disk("data", "virtio-blk-pci,num-queues=1")))
        self.guest = Guest(layout, kernel, work / "initramfs")
        test.addClassCleanup(self.guest.close)
        self.wait_for(lambda: self.run("systemctl is-system-running", check=False).strip() in ("running", "degraded"),
                      "systemd to have started everything")
        self.disks = dict(line.split() for line in self.run(
            "cd /sys/block; for disk in vd*; do echo $(cat $disk/serial) $disk; done").splitlines())
        self.run(f"mkdir /payload && tar -xf /dev/{self.disks['payload']} -C /payload")

    def run(self, command, check=True):
        """Output of a shell command, standard error included."""
        return self.guest.run(f"export PATH={PATH} LC_ALL=C HOME=/root DEBIAN_FRONTEND=noninteractive "
                              f"SYSTEMD_PAGER=cat\n{command}", check)

    def status(self, command):
        """Exit status."""
        return int(self.run(f"({command}) > /dev/null 2>&1; echo $?"))

    def bytes(self, command):
        """Standard output, which need not be text."""
        return base64.b64decode(self.run(f"({command}) | base64 -w 0"))

    def write(self, path, text):
        encoded = base64.b64encode(text.encode()).decode()
        self.run(f"mkdir -p $(dirname {path}) && echo {encoded} | base64 -d > {path}")

    def properties(self, unit, *names):
        """What systemd says of a unit, as a dictionary."""
        lines = self.run(f"systemctl show {unit} -p {','.join(names)}").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def wait_for(self, fact, what, seconds=BOOT_SECONDS):
        return vqtest.wait_for(fact, what, seconds)
