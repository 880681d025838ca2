# SPDX-License-Identifier: Apache-2.0
"""Real guests for tests: Debian's cloud kernels in QEMU, with the agent, fio and busybox in an initramfs.

Kernels come from the package manager and are unpacked, not installed, below the cache directory
($VQSCOPE_LAB_CACHE, else $XDG_CACHE_HOME or ~/.cache, vqscope-lab).
"""

import base64
import dataclasses
import functools
import io
import json
import lzma
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile

import vqtest

# By name as tests call them: the package that always depends on the newest such kernel.
KERNELS = {"6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64"}
# What scenarios may need; drivers that a kernel has built in, or does not have, are skipped.
MODULES = ["virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "sd_mod", "nvme", "ata_piix", "ahci",
           "mq-deadline", "kyber-iosched", "bfq", "dm-mod", "raid0"]
# Tools of the host that are copied into the guest beside busybox and the agent.
TOOLS = ["fio", "bpftool", "setpriv"]

# Seconds in which the guest has to say something while a command runs. Two emulated guests may share two busy cores.
SILENCE = 240

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tracefs tracefs /sys/kernel/tracing
mount -t tmpfs tmpfs /tmp
ip link set lo up
echo 1 > /proc/sys/kernel/printk
# As modprobe does: module.parameter=value on the kernel's command line is for that module.
for module in $(cat /modules/order); do
  insmod /modules/$module $(tr ' ' '\\n' < /proc/cmdline | sed -n "s/^${module%.ko}\\.//p")
done
if grep -q lab.shell /proc/cmdline; then
  (setsid cttyhack sh; poweroff -f) < /dev/ttyS0 > /dev/ttyS0 2>&1 &
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


class Kernel:
    """One of KERNELS, downloaded and unpacked."""

    def __init__(self, name):
        self.name = name
        depends = vqtest.run("apt-cache", "depends", KERNELS[name])
        package = re.search(r"Depends: (linux-image-\S+)", depends).group(1)
        self.version = package.removeprefix("linux-image-")
        self.root = cache_directory() / package
        if not self.root.exists():
            with tempfile.TemporaryDirectory(dir=cache_directory()) as work:
                vqtest.run("apt-get", "download", package, cwd=work)
                unpacked = pathlib.Path(work, "root")
                vqtest.run("dpkg", "-x", next(pathlib.Path(work).glob("*.deb")), unpacked)
                vqtest.run(tool("depmod"), "-b", unpacked, self.version)
                unpacked.rename(self.root)
        self.image = self.root / "boot" / f"vmlinuz-{self.version}"

    def modules(self):
        """Files of MODULES and of what they depend on, in the order of loading."""
        files = []
        for module in MODULES:
            done = subprocess.run([tool("modprobe"), "-d", self.root, "-S", self.version, "--show-depends", module],
                                  capture_output=True, text=True)
            for line in done.stdout.splitlines():
                if line.startswith("insmod ") and (path := line.split()[1]) not in files:
                    files.append(path)
        return [pathlib.Path(path) for path in files]

    def build_initramfs(self, image):
        """Writes an initramfs with the agent as built now. Not compressed: an emulated CPU unpacks slowly."""
        with tempfile.TemporaryDirectory(prefix="vqscope-initramfs-") as work:
            tree = pathlib.Path(work)
            for directory in ("bin", "proc", "sys", "dev", "tmp", "modules", "etc", "tools"):
                (tree / directory).mkdir()
            shutil.copy(tool("busybox"), tree / "bin/busybox")
            shutil.copy(vqtest.AGENT, tree / "tools/vqscope")
            for name in TOOLS:
                shutil.copy(tool(name), tree / "tools" / name)
            for program in (tree / "tools").iterdir():
                for library in re.findall(r"(/\S+) \(0x", vqtest.run("ldd", program)):
                    target = tree / library.lstrip("/")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(library, target)
            vqtest.run("strip", tree / "tools/vqscope")
            order = []
            for path in self.modules():
                data = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
                order.append(path.name.removesuffix(".xz"))
                (tree / "modules" / order[-1]).write_bytes(data)
            (tree / "modules/order").write_text("\n".join(order) + "\n")
            (tree / "init").write_text(INIT)
            (tree / "init").chmod(0o755)
            with open(image, "wb") as file:
                subprocess.run("find . | cpio --quiet -o -H newc", shell=True, cwd=tree, check=True, stdout=file)


@functools.cache
def accelerator():
    """KVM where it boots these kernels, the emulator elsewhere: without a root file system the kernel panics, and with
    -no-reboot QEMU then ends by itself; where KVM does not work, it fails at once or hangs."""
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "512M", "-nodefaults",
               "-nographic", "-no-reboot", "-serial", "stdio", "-kernel", str(Kernel("6.1").image), "-append",
               "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
        if done.returncode == 0 and b"Unable to mount root fs" in done.stdout:
            return ["-accel", "kvm", "-cpu", "host"]
    except subprocess.TimeoutExpired:
        pass
    # One thread: with several, QEMU 7.2 breaks guests that change their own code (tracepoints, BPF) under load.
    return ["-accel", "tcg,thread=single", "-cpu", "max"]


@dataclasses.dataclass(frozen=True)
class Disk:
    """A disk of a guest. `name` is its QEMU drive and device, and its serial number where it has one."""

    name: str
    device: str  # QEMU's -device without drive= and serial=
    queues: int = 1  # hardware queues that the guest must see
    lines: str = "queue"  # interrupt lines: one per "queue", or "shared" by all of them
    kernel_name: str = ""  # where there is no serial number to find it by
    backend: str = ""  # of the drive instead of a plain file; {file} stands for the image
    plugged: bool = True  # False: only the drive exists, until a scenario plugs the device


@dataclasses.dataclass(frozen=True)
class Layout:
    """A guest: scenarios that name the same one share a boot."""

    disks: tuple
    cpus: str = "4"
    machine: str = "q35"
    devices: tuple = ()  # QEMU's -device, before the disks
    append: str = ""  # to the kernel's command line


class Monitor:
    """QEMU's own control socket (QMP)."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.socket.settimeout(SILENCE)
        self.file = self.socket.makefile("r")
        self.events = []
        self.file.readline()
        self.command("qmp_capabilities")

    def close(self):
        self.file.close()
        self.socket.close()

    def command(self, name, **arguments):
        self.socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self.file.readline())
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise AssertionError(f"QMP {name} {arguments}: {answer['error']}")
            else:
                return answer["return"]

    def throttle(self, drive, iops):
        """Lets so many requests per second through; 0 is without limit."""
        self.command("block_set_io_throttle", device=drive, bps=0, bps_rd=0, bps_wr=0, iops=iops, iops_rd=0, iops_wr=0)


class Guest:
    """A booted guest with a root shell on its second serial port."""

    def __init__(self, layout, kernel, initramfs, interactive=False):
        self.layout, self.kernel = layout, kernel
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vqscope-guest-"))
        self.console = self.directory / "console"
        self.log = open(self.directory / "qemu", "w+")
        shell, monitor = self.directory / "shell", self.directory / "monitor"
        command = ["qemu-system-x86_64", "-machine", layout.machine, *accelerator(), "-m", "1G", "-smp", layout.cpus,
                   "-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio" if interactive else "null",
                   "-chardev", f"socket,id=shell,path={shell},server=on,wait=off",
                   "-device", "isa-serial,chardev=shell,index=1", "-qmp", f"unix:{monitor},server=on,wait=off",
                   "-kernel", str(kernel.image), "-initrd", str(initramfs),
                   "-append", f"console=ttyS0 quiet panic=-1 {layout.append} {'lab.shell' if interactive else ''}",
                   "-object", "iothread,id=io0"]
        if not interactive:
            command[command.index("null")] = f"file:{self.console}"
        for device in layout.devices:
            command += ["-device", device]
        for disk in layout.disks:
            image = self.directory / f"{disk.name}.img"
            with open(image, "wb") as file:
                file.truncate(64 << 20)
            if not disk.plugged:  # QEMU deletes a -drive with the device that it was plugged with
                command += ["-blockdev", f"driver=raw,node-name={disk.name},file.driver=file,file.filename={image}"]
                continue
            backend = disk.backend or "file={file},format=raw"
            command += ["-drive", f"if=none,id={disk.name},{backend.format(file=image)}",
                        "-device", self._device(disk)]
        self.process = subprocess.Popen(command, stdin=None if interactive else subprocess.DEVNULL,
                                        stdout=None if interactive else self.log, stderr=self.log)
        self.socket = self.monitor = None
        self.buffer = b""
        try:
            vqtest.wait_for(lambda: monitor.exists() or self.process.poll() is not None, "QEMU's sockets")
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(SILENCE)
            self.socket.connect(str(shell))
            self.monitor = Monitor(monitor)
            self._read_until(b"LAB-READY")
        except BaseException as error:
            text = self.logs()
            self.close()
            raise AssertionError(f"the guest did not boot: {error}\n{text}") from error

    @staticmethod
    def _device(disk):
        driver, comma, options = disk.device.partition(",")
        serial = "" if disk.kernel_name else f",serial={disk.name}"
        return f"{driver},id=dev-{disk.name},drive={disk.name}{serial}{comma}{options}"

    def plug(self, disk):
        driver, *options = self._device(disk).split(",")
        values = dict(option.split("=") for option in options)
        self.monitor.command("device_add", driver=driver,
                             **{key: int(value) if value.isdigit() else value for key, value in values.items()})

    def plug_cpu(self):
        """Adds the next vCPU that the layout has room for."""
        free = [cpu for cpu in self.monitor.command("query-hotpluggable-cpus") if "qom-path" not in cpu]
        self.monitor.command("device_add", driver=free[-1]["type"], id=f"cpu-{len(free)}", **free[-1]["props"])

    def unplug(self, disk):
        self.monitor.command("device_del", id=f"dev-{disk.name}")

    def close(self):
        self.process.kill()
        self.process.wait(30)
        for resource in (self.socket, self.monitor, self.log):
            if resource:
                resource.close()
        shutil.rmtree(self.directory)

    def logs(self):
        self.log.flush()
        console = self.console.read_text(errors="replace") if self.console.exists() else ""
        return f"QEMU: {(self.directory / 'qemu').read_text()}\nconsole: {console}"

    def _read_until(self, marker):
        while marker not in self.buffer:
            try:
                chunk = self.socket.recv(1 << 20)
            except TimeoutError:
                chunk = b""
            if not chunk:
                raise AssertionError(f"the guest fell silent; the shell's last words: {self.buffer[-2000:]!r}\n"
                                     f"{self.logs()}")
            self.buffer += chunk
        text, _, self.buffer = self.buffer.partition(marker)
        return text.decode(errors="replace")

    def run(self, command, check=True):
        """Output of a shell command in the guest."""
        command = f"export PATH=/tools:/bin\n{command}"
        self.socket.sendall(base64.b64encode(command.encode()) + b"\n")
        output = self._read_until(b"LAB-DONE ")
        status = int(self._read_until(b"\n"))
        if check and status != 0:
            raise AssertionError(f"in the guest: {command}: exit {status}\n{output}")
        return output

    def fetch(self, directory):
        """Files below a directory of the guest: name -> text."""
        packed = self.run(f"tar cz -C {directory} . | base64")
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(packed))) as archive:
            return {os.path.normpath(member.name): archive.extractfile(member).read().decode(errors="replace")
                    for member in archive if member.isfile()}

    def read(self, path):
        return self.run(f"cat {path}")

    def write(self, path, value):
        self.run(f"echo '{value}' > {path}")

    def wait_for(self, fact, what, seconds=120):
        return vqtest.wait_for(fact, what, seconds)
