# SPDX-License-Identifier: Apache-2.0
"""Real guests in QEMU: what disks they have, how they are booted, and a shell and a monitor to work them with."""

import base64
import dataclasses
import io
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile

import vqtest
from kernels import accelerator

# Seconds in which the guest has to say something while a command runs. Two emulated guests may share two busy cores.
SILENCE = 240
DISK_BYTES = 256 << 20  # room for a part for each of 16 vCPUs, see measure.SHARE
SHELL_PORT = "/dev/ttyS1"  # in the guest, see kernels.INIT


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
    findings: tuple = ()  # what the doctor may tell of it under any load


@dataclasses.dataclass(frozen=True)
class Layout:
    """A guest: scenarios that name the same one share a boot."""

    disks: tuple
    cpus: str = "4"
    machine: str = "q35"
    memory: str = "1G"
    devices: tuple = ()  # QEMU's -device, before the disks
    append: str = ""  # to the kernel's command line
    known_hypervisor: bool = False  # the guest's kernel has to know that it is one, see kernels.accelerator()
    parallel: bool = False  # emulated vCPUs have to run at the same time, see there
    generic: bool = False  # needs a driver that a cloud kernel does not have: see kernels.GENERIC
    silence: int = SILENCE  # see there; an init system may need longer
    forward: tuple = ()  # TCP ports of the guest that the host can reach, see Guest.forwarded(); not on microvm


def connect(path):
    """A connection to a unix socket; None while nobody listens on it, though it may be there already."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    return connection


class Monitor:
    """QEMU's own control socket (QMP)."""

    def __init__(self, connection):
        self.socket = connection
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

    def throttle(self, drive, iops=0, bps=0, **burst):
        """Lets so many requests and bytes per second through; 0 is without limit. `burst` as in QMP."""
        self.command("block_set_io_throttle", device=drive, bps=bps, bps_rd=0, bps_wr=0, iops=iops, iops_rd=0, iops_wr=0,
                     **burst)


class Guest:
    """A booted guest with a root shell on its second serial port."""

    def __init__(self, layout, kernel, initramfs, interactive=False):
        self.layout, self.kernel = layout, kernel
        self.initramfs, self.interactive = initramfs, interactive
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="vqscope-guest-"))
        self.log = open(self.directory / "qemu", "w+")
        for disk in layout.disks:
            with open(self._image(disk), "wb") as file:
                file.truncate(DISK_BYTES)
        self.process = self.socket = self.monitor = None
        self.launches, self.buffer = 0, b""
        try:
            self._launch()
            self._read_until(b"LAB-READY")
        except BaseException as error:
            text = self.logs()
            self.close()
            raise AssertionError(f"the guest did not boot: {error}\n{text}") from error

    def _image(self, disk):
        return self.directory / f"{disk.name}.img"

    def _launch(self, incoming=""):
        """Starts QEMU, and connects to the guest's shell and to the monitor. `incoming`: where a guest that is migrated
        will come from; it is not booted then."""
        layout, kernel, interactive = self.layout, self.kernel, self.interactive
        self.launches += 1
        self.console = self.directory / f"console{self.launches}"
        shell, monitor = (self.directory / f"{name}{self.launches}" for name in ("shell", "monitor"))
        command = ["qemu-system-x86_64", "-machine", layout.machine,
                   *accelerator(layout.known_hypervisor, layout.parallel), "-m", layout.memory, "-smp", layout.cpus,
                   "-nodefaults", "-nographic", "-no-reboot", "-serial",
                   "mon:stdio" if interactive else f"file:{self.console}",
                   "-chardev", f"socket,id=shell,path={shell},server=on,wait=off",
                   "-device", "isa-serial,chardev=shell,index=1", "-qmp", f"unix:{monitor},server=on,wait=off",
                   "-kernel", str(kernel.image), "-initrd", str(self.initramfs),
                   "-append", f"console=ttyS0 quiet panic=-1 no_timer_check {kernel.append} {layout.append} {'lab.shell' if interactive else ''}",
                   "-object", "iothread,id=io0"]
        if layout.forward:  # not a virtio device, so that all notifications in the guest are those of disks
            rules = "".join(f",hostfwd=tcp:127.0.0.1:0-:{port}" for port in layout.forward)
            command += ["-netdev", f"user,id=net0,restrict=on{rules}", "-device", "vmxnet3,netdev=net0"]
        for device in layout.devices:
            command += ["-device", device]
        for disk in layout.disks:
            image = self._image(disk)
            if not disk.plugged:  # QEMU deletes a -drive with the device that it was plugged with
                command += ["-blockdev", f"driver=raw,node-name={disk.name},file.driver=file,file.filename={image}"]
                continue
            backend = disk.backend or "file={file},format=raw"
            command += ["-drive", f"if=none,id={disk.name},{backend.format(file=image)}",
                        "-device", self._device(disk)]
        if incoming:
            command += ["-incoming", incoming]
        self.process = subprocess.Popen(command, stdin=None if interactive else subprocess.DEVNULL,
                                        stdout=None if interactive else self.log, stderr=self.log)
        self.socket = self.monitor = None
        self.socket = self._connect(shell)
        self.socket.settimeout(layout.silence)
        self.monitor = Monitor(self._connect(monitor))

    def _connect(self, path):
        def reach():
            if self.process.poll() is not None:
                raise AssertionError(f"QEMU has ended\n{self.logs()}")
            return connect(path)

        return vqtest.wait_for(reach, "QEMU's sockets")

    def migrate(self):
        """Moves the running guest to a second QEMU on the same disks, and ends the first. No command may run."""
        source = self.process, self.socket, self.monitor
        try:
            self._launch(incoming=(address := f"unix:{self.directory / 'migration'}"))
            monitor = source[2]
            # So that a guest that is busy, on a host that is, is moved at all.
            monitor.command("migrate-set-parameters", **{"downtime-limit": 5000, "max-bandwidth": 1 << 30})
            monitor.command("migrate", uri=address)

            def ended():
                state = monitor.command("query-migrate")
                if state["status"] in ("failed", "cancelled"):
                    raise AssertionError(f"migration: {state}\n{self.logs()}")
                return state["status"] == "completed" and state

            state = vqtest.wait_for(ended, "the migration", SILENCE)
            vqtest.wait_for(lambda: self.monitor.command("query-status")["running"], "the guest to go on", SILENCE)
            return state
        finally:
            self._end(*source)

    @staticmethod
    def _device(disk):
        driver, comma, options = disk.device.partition(",")
        serial = "" if disk.kernel_name else f",serial={disk.name}"
        return f"{driver},id=dev-{disk.name},drive={disk.name}{serial}{comma}{options}"

    def forwarded(self, port):
        """Where the host reaches a port of Layout.forward: "127.0.0.1:PORT"."""
        table = self.monitor.command("human-monitor-command", **{"command-line": "info usernet"})
        rule = re.search(rf"HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+{port}\s", table)
        return f"127.0.0.1:{rule.group(1)}"

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

    @staticmethod
    def _end(process, *connections):
        if process:
            process.kill()
            process.wait(30)
        for connection in connections:
            if connection:
                connection.close()

    def close(self):
        self._end(self.process, self.socket, self.monitor)
        self.log.close()
        shutil.rmtree(self.directory)

    def logs(self):
        self.log.flush()
        console = "".join(path.read_text(errors="replace") for path in sorted(self.directory.glob("console*")))
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
            raise AssertionError(f"in the guest: {command[-500:]}: exit {status}\n{output[-2000:]}")
        return output

    def wait_for_word(self, word):
        """Until a command in the background has written this word to SHELL_PORT. None may run in the foreground."""
        self._read_until(f"{word}\n".encode())

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

    def load(self, module, *parameters):
        """Loads one of kernels.MODULES_ON_DEMAND."""
        self.run(f"insmod /modules/{module}.ko {' '.join(parameters)}")

    def wait_for(self, fact, what, seconds=120):
        # To ask costs the emulated CPU a tenth of a second.
        return vqtest.wait_for(fact, what, seconds, interval=0.3)
