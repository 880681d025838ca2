# SPDX-License-Identifier: Apache-2.0
"""Debian's kernels for guests, each with an initramfs that holds the agent, fio, busybox and other people's tools.

Kernels come from Debian's mirror by apt, with package lists of its own, so that no other suite is added to this machine, and
are unpacked, not installed, below the cache directory ($VQSCOPE_LAB_CACHE, else $XDG_CACHE_HOME or ~/.cache, vqscope-lab).
"""

import dataclasses
import functools
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import vqtest
from archive import Suite


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a kernel comes from: the package of the highest version whose name matches, in one of the suites. `append` is
    for its command line."""

    suites: tuple
    package: str
    append: str = ""


def cloud(version):
    return rf"linux-image-{re.escape(version)}\.\S+-cloud-amd64"


FULL = "preempt=full"  # tasks preempt each other inside of the kernel; where CONFIG_PREEMPT_DYNAMIC takes it
OF_6_1, OF_6_1_PLAIN = r"linux-image-6\.1\.0-\d+-cloud-amd64", r"linux-image-6\.1\.0-\d+-amd64"
NEW = ("trixie-backports", "sid", "experimental")
# Neither for clouds only nor for real time.
ANY = r"linux-image-\d[\d.]*(\+\w+)?-amd64"

# By name as tests call them.
KERNELS = {
    "5.10": Source(("bullseye",), r"linux-image-5\.10\.0-\d+-cloud-amd64"),
    "6.1": Source(("bookworm",), OF_6_1),
    "6.1-plain": Source(("bookworm",), OF_6_1_PLAIN),
    "6.1-full": Source(("bookworm",), OF_6_1_PLAIN, FULL),
    "6.12": Source(("bookworm",), cloud("6.12")),
    "6.12-full": Source(("bookworm",), cloud("6.12"), FULL),
    "6.18": Source(NEW, cloud("6.18")),
    "6.18-full": Source(NEW, cloud("6.18"), FULL),
    "7.2": Source(NEW, cloud("7.2")),
    "7.2-full": Source(NEW, cloud("7.2"), FULL),
    "newest": Source(NEW, ANY),
    "newest-full": Source(NEW, ANY, FULL),
}
# What is run unless another is asked for.
USUAL = ("6.1", "6.12")
# Probes that are off by the kernel: 5.10's modules have no type information, so that what is in one cannot be traced, and it
# does not tell of waits for locks.
LACKS = {"5.10": ("notify", "lock")}
# Loaded at boot; drivers that a kernel has built in, or does not have, are skipped.
MODULES = ["virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "sd_mod", "nvme", "ata_piix", "ahci", "vmxnet3",
           "mq-deadline", "kyber-iosched", "bfq", "dm-mod", "raid0", "raid1", "dm-crypt", "ecb", "xts"]
# In /modules for scenarios that load them with parameters of their own; what they depend on is loaded at boot.
MODULES_ON_DEMAND = ["null_blk", "scsi_debug", "vsock_loopback"]
# Tools of the host that are copied into the guest beside busybox and the agent.
TOOLS = ["fio", "bpftool", "setpriv", "iostat", "nvme", "dmsetup", "mdadm", "socat"]

# What fio links for storage on networks, and for persistent memory: 60 MB with what they need in turn, whose linking takes
# an emulated CPU most of a second each time fio starts. By the beginnings of the symbols that fio takes from each.
UNUSED_BY_FIO = {"librbd.so.1": "rbd_", "librados.so.2": "rados_", "libgfapi.so.0": "glfs_", "libnbd.so.0": "nbd_",
                 "libibverbs.so.1": "ibv_", "librdmacm.so.1": "rdma_", "libpmemblk.so.1": "pmemblk_",
                 "libpmem.so.1": "pmem_"}

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tracefs tracefs /sys/kernel/tracing
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
ip link set lo up
echo 1 > /proc/sys/kernel/printk
# As modprobe does: module.parameter=value on the kernel's command line is for that module.
for module in $(cat /modules/order); do
  insmod /modules/$module $(tr ' ' '\\n' < /proc/cmdline | sed -n "s/^${module%.ko}\\.//p")
done
[ -e /sys/class/net/eth0 ] && ip address add 10.0.2.15/24 dev eth0 && ip link set eth0 up
if grep -q lab.shell /proc/cmdline; then
  (while [ ! -e /tmp/shell ]; do usleep 100000; done; cat /tmp/shell; cd /; PATH=/tools:/bin setsid cttyhack sh
   poweroff -f) < /dev/ttyS0 > /dev/ttyS0 2>&1 &
fi
exec 3<> /dev/ttyS1
stty raw -echo <&3
echo LAB-READY >&3
# A command is one line of base64; what it prints ends with a mark and its exit status.
while read -r line; do
  echo "$line" | base64 -d > /tmp/command
  sh /tmp/command < /dev/null 2>&1
  echo "LAB-DONE $?"
done <&3 >&3
"""


def cache_directory():
    base = os.environ.get("VQSCOPE_LAB_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "vqscope-lab")
    path = pathlib.Path(base)
    path.mkdir(parents=True, exist_ok=True)
    return path


def tool(name):
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def write_stand_ins(program, directory):
    """Puts a library in place of each of UNUSED_BY_FIO: it has the functions that are asked for, and any call aborts."""
    versions, functions = {}, []
    for line in vqtest.run("readelf", "--wide", "--dyn-syms", program).splitlines():
        name, _, version = (line.split(" UND ") + [""])[1].split(" ")[0].partition("@")
        if not name.startswith(tuple(UNUSED_BY_FIO.values())):
            continue
        functions.append(name)
        if version:
            versions.setdefault(version, []).append(name)
    script, source, library = (pathlib.Path(directory, f"stand-in.{suffix}") for suffix in ("map", "c", "so"))
    script.write_text("".join(f"{version} {{ global: {'; '.join(names)}; }};\n" for version, names in versions.items()))
    source.write_text("".join(f"void {name}(void) {{ __builtin_trap(); }}\n" for name in functions))
    vqtest.run("cc", "-shared", "-fPIC", "-nostdlib", "-w", "-fno-builtin", source, "-o", library,
               f"-Wl,--version-script={script}")
    for name in UNUSED_BY_FIO:
        shutil.copy(library, pathlib.Path(directory, name))
    for path in (script, source, library):
        path.unlink()


@functools.cache
def suite(name):
    return Suite(name, cache_directory())


@functools.cache
def newest(suites, pattern):
    """(suite, package) of the highest version among packages whose names match."""
    found = {package: name for name in suites for package in suite(name).packages(pattern)}
    if not found:
        raise unittest.SkipTest(f"there is no {pattern} in {', '.join(suites)}")
    package = vqtest.run("sort", "-V", input="\n".join(found)).split()[-1]
    return found[package], package


class Kernel:
    """One of KERNELS, or its generic sister, downloaded and unpacked. Skips the test if the mirror does not have it."""

    def __init__(self, name, generic=False):
        self.name, source = name, KERNELS[name]
        self.append = source.append
        self.lacks = LACKS.get(name, ())
        self.traces_notifications = "notify" not in self.lacks
        pattern = source.package.replace("-cloud", "") if generic else source.package
        self.suite, package = newest(source.suites, pattern)
        self.version = package.removeprefix("linux-image-")
        self.root = cache_directory() / package
        if not self.root.exists():
            with tempfile.TemporaryDirectory(dir=cache_directory()) as work:
                suite(self.suite).download(work, package)
                unpacked = pathlib.Path(work, "root")
                for file in pathlib.Path(work).glob("*.deb"):
                    vqtest.run("dpkg", "-x", file, unpacked)
                if not (unpacked / "lib").exists():
                    (unpacked / "lib").symlink_to("usr/lib")
                vqtest.run(tool("depmod"), "-b", unpacked, self.version)
                unpacked.rename(self.root)
        places = (f"boot/vmlinuz-{self.version}", f"lib/modules/{self.version}/vmlinuz")
        self.image = next(self.root / place for place in places if (self.root / place).exists())

    def _files_of(self, module):
        """The module's file, after those of what it depends on; nothing if the kernel has it built in or not at all."""
        done = subprocess.run([tool("modprobe"), "-d", self.root, "-S", self.version, "--show-depends", module],
                              capture_output=True, text=True)
        return [pathlib.Path(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("insmod ")]

    def build_initramfs(self, image):
        """Writes an initramfs with the agent as built now. Not compressed: an emulated CPU unpacks slowly."""
        with tempfile.TemporaryDirectory(prefix="vqscope-initramfs-") as work:
            tree = pathlib.Path(work)
            for directory in ("bin", "proc", "sys", "dev", "tmp", "run", "modules", "etc", "tools", "lib"):
                (tree / directory).mkdir()
            shutil.copy(tool("busybox"), tree / "bin/busybox")
            shutil.copy(vqtest.AGENT, tree / "tools/vqscope")
            for name in TOOLS:
                shutil.copy(tool(name), tree / "tools" / name)
            programs = list((tree / "tools").iterdir())
            write_stand_ins(tree / "tools/fio", tree / "lib")
            for program in programs:
                found = vqtest.run("ldd", program, env={**os.environ, "LD_LIBRARY_PATH": str(tree / "lib")})
                for library in re.findall(r"(/\S+) \(0x", found):
                    if library.startswith(str(tree)):
                        continue
                    target = tree / library.lstrip("/")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(library, target)
            vqtest.run("strip", tree / "tools/vqscope")
            at_boot = [path for module in MODULES for path in self._files_of(module)]
            on_demand = [path for module in MODULES_ON_DEMAND for path in self._files_of(module)[-1:]]
            at_boot += [path for module in MODULES_ON_DEMAND for path in self._files_of(module)[:-1]]
            for path in {*at_boot, *on_demand}:
                data = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
                (tree / "modules" / path.name.removesuffix(".xz")).write_bytes(data)
            order = dict.fromkeys(path.name.removesuffix(".xz") for path in at_boot)
            (tree / "modules/order").write_text("".join(f"{name}\n" for name in order))
            (tree / "init").write_text(INIT)
            (tree / "init").chmod(0o755)
            with open(image, "wb") as file:
                subprocess.run("find . | cpio --quiet -o -H newc", shell=True, cwd=tree, check=True, stdout=file)


@functools.cache
def kvm_works():
    """Whether KVM boots these kernels: without a root file system they panic, and with -no-reboot QEMU then ends by
    itself; where KVM does not work, it fails at once or hangs."""
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "512M", "-nodefaults",
               "-nographic", "-no-reboot", "-serial", "stdio", "-kernel", str(Kernel("6.1").image), "-append",
               "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
        return done.returncode == 0 and b"Unable to mount root fs" in done.stdout
    except subprocess.TimeoutExpired:
        return False


def accelerator(known_hypervisor=False, parallel=False):
    """QEMU's options for KVM where it works, for the emulator elsewhere."""
    if kvm_works():
        return ["-accel", "kvm", "-cpu", "host"]
    cpu = ["-cpu", "max"]
    if known_hypervisor:
        # Linux takes QEMU's emulator for bare metal. VMware it also knows by the machine's serial number, and asks at a
        # port that QEMU answers (arch/x86/kernel/cpu/vmware.c).
        cpu = ["-cpu", "max,-hypervisor", "-smbios", "type=1,serial=VMware-lab"]
    # One thread, unless vCPUs have to get in each other's way: with several, QEMU 7.2 breaks guests that change their own
    # code (tracepoints, BPF) under load.
    return ["-accel", f"tcg,thread={'multi' if parallel else 'single'}", *cpu]
