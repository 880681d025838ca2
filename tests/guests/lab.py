# SPDX-License-Identifier: Apache-2.0
"""A real guest in which the agent runs: what a scenario is given, and what other tests can boot.

    with lab.boot(Layout(disks=(Disk("data", "virtio-blk-pci,num-queues=1"),), forward=(lab.PORT,))) as guest:
        guest.fio([Job("data", cpu=2, options="--rw=randread --iodepth=4", ios=501)])
        guest.url()    # its metrics, for the host
"""

import contextlib
import dataclasses
import pathlib
import re
import shlex
import tempfile
import unittest

import trace
import vqtest
from guest import Guest
from kernels import KERNELS, TOOLS, Kernel, tool
from measure import Run, fio_command, fio_results

PORT = 10177  # of the agent
WINDOW = 2  # seconds over which the agent averages
# Messages that tell of the host's scheduling only: an emulated CPU, or a busy host's, stands still at times.
SLOW_HOST = r"hrtimer: interrupt took|clocksource|TSC found unstable|perf: interrupt took too long|DL replenish lagged too much"
OLD_TOOL = r"will be removed in future, please upgrade to mdadm"


def require_tools():
    """Skips the test if this machine cannot boot guests."""
    for program in ("qemu-system-x86_64", "busybox", "cpio", "promtool", "apt-get", "dpkg", "modprobe", "depmod",
                    "strip", *TOOLS):
        if not tool(program):
            raise unittest.SkipTest(f"{program} is not installed")


@contextlib.contextmanager
def boot(layout, kernel="6.12", flags=()):
    """A booted Lab with the agent started with these flags; ends it."""
    require_tools()
    assert kernel in KERNELS, kernel
    with tempfile.TemporaryDirectory(prefix="vqscope-lab-") as work:
        chosen, initramfs = Kernel(kernel, layout.generic), pathlib.Path(work, "initramfs")
        chosen.build_initramfs(initramfs)
        lab = Lab(layout, chosen, initramfs)
        try:
            lab.start_agent(*flags)
            yield lab
        finally:
            lab.close()


class Lab:
    """A booted guest. `guest` is its shell and its monitor; the names of disks are those of the layout."""

    def __init__(self, layout, kernel, initramfs, interactive=False):
        self.layout, self.kernel = layout, kernel
        self.guest = Guest(layout, kernel, initramfs, interactive)
        self.present = [disk for disk in layout.disks if disk.plugged]
        self.names, self.programs = {}, ""
        self.warm_kb = None  # the agent's heap after its first loads
        self.findings = ()  # what the doctor may tell of the scenario that runs, see scenarios.Scenario
        try:
            self.find_disks()
            # Merging would make one request of two: fio's count is the witness.
            self.guest.run("for disk in /sys/block/*; do echo 2 > $disk/queue/nomerges; done")
            self.count_kicks()
            self.guest.run(trace.PREPARE)
            # By another name, so that the agent is the only process of its own.
            self.guest.run("ln /tools/vqscope /tools/doctor")
            self.programs = self.guest.run("bpftool prog list | grep -c tag || true")
        except BaseException:
            self.close()
            raise

    def close(self):
        self.guest.close()

    # Disks.

    def find_disks(self):
        """Which kernel name each disk has got."""

        def found():
            serials = dict(line.split()[:2] for line in self.guest.run(
                "cd /sys/block; for disk in *; do"
                # A SCSI disk's serial number follows the four bytes that begin the page.
                "  echo $(cat $disk/serial 2> /dev/null || tail -c +5 $disk/device/vpd_pg80 2> /dev/null) $disk $disk;"
                "done").splitlines() if line)
            names = {disk.name: disk.kernel_name if disk.kernel_name in serials else serials.get(disk.name)
                     for disk in self.present}
            return names if all(names.values()) else None

        self.names = self.guest.wait_for(found, "the guest's disks")

    def disks(self):
        return self.present

    def add(self, disk, path):
        """Adds a disk that the guest has made itself; its kernel name is the last part of `path`, a word of shell."""
        name = self.guest.run(f"basename {path}").strip()
        self.present.append(dataclasses.replace(disk, kernel_name=name))
        self.names[disk.name] = name
        self.guest.write(f"/sys/block/{name}/queue/nomerges", 2)
        self.wait_for_scrape(lambda scrape: scrape.one("vqscope_device_queues", device=name), f"{name}'s metrics")
        return name

    def remove(self, disk):
        self.present = [other for other in self.present if other.name != disk.name]

    def kernel_name(self, name):
        return self.names[name]

    def count_kicks(self):
        """Probes by the kernel itself on the functions whose calls the agent times; those at the ends are for
        notifications.py to enable."""
        self.guest.run("cd /sys/kernel/tracing\n"
                       "for function in vp_notify vm_notify; do\n"
                       "  # Fails where the kernel has no such function.\n"
                       '  echo "p:lab/$function $function" >> kprobe_events || continue\n'
                       "  echo 1 > events/lab/$function/enable\n"
                       "  # So many tasks may be inside of it at once.\n"
                       '  echo "r64:lab/${function%_notify}_ends $function" >> kprobe_events\n'
                       "done; true")

    # The agent.

    def start_agent(self, *flags, wrapper="", probes=("block", "irq", "notify")):
        virtio = self.kernel.traces_notifications and any(
            "virtio" in text for text in (*self.layout.devices, *(disk.device for disk in self.layout.disks)))
        required = " ".join(f"--require-probe={probe}" for probe in probes if probe != "notify" or virtio)
        host = "0.0.0.0" if PORT in self.layout.forward else "127.0.0.1"
        self.guest.run(f"{wrapper} vqscope serve --web.listen-address={host}:{PORT} --window={WINDOW} {required} "
                       f"{shlex.join(flags)} > /tmp/agent.log 2>&1 &")

        def serves():
            log = self.guest.read("/tmp/agent.log")
            if "serves http" not in log and not self.guest.run("pidof vqscope", check=False).strip():
                raise AssertionError(f"the agent ended: {log}")
            return "serves http" in log

        self.guest.wait_for(serves, "the agent")

    def end_agent(self, signal="TERM"):
        self.guest.run(f"kill -{signal} $(pidof vqscope)")
        self.guest.wait_for(lambda: not self.guest.run("pidof vqscope", check=False).strip(), "the agent to end")

    def url(self):
        """Of the metrics, for the host; the layout has to forward PORT."""
        return f"http://{self.guest.forwarded(PORT)}/metrics"

    def scrape(self):
        return vqtest.Scrape(self.guest.run(f"wget -q -O - http://127.0.0.1:{PORT}/metrics"))

    def wait_for_scrape(self, fact, what):
        """The first scrape for which `fact` holds."""
        return self.guest.wait_for(lambda: (scrape := self.scrape()) and fact(scrape) and scrape, what)

    def heap_kb(self):
        return int(re.search(r"RssAnon:\s+(\d+)", self.guest.run("cat /proc/$(pidof vqscope)/status")).group(1))

    def uptime(self):
        """Seconds by the guest's clock, which is the agent's."""
        return float(self.guest.read("/proc/uptime").split()[0])

    # Load.

    def fio(self, jobs):
        """Runs jobs to their end; fio's own account of them, a dictionary per job."""
        return fio_results(self.guest.run(fio_command(self, jobs)))

    def start_fio(self, jobs):
        """Runs jobs in the background, until they have done what they are told or end_fio() comes."""
        self.guest.run(f"{fio_command(self, jobs)} > /tmp/load 2>&1 &")

    def end_fio(self):
        self.guest.run("killall -KILL fio; while pidof fio > /dev/null; do usleep 10000; done", check=False)

    def run(self, jobs, **hooks):
        """Runs jobs, compares everything with the guest's witnesses, and returns the measure.Run for more."""
        run = Run(self, jobs, **hooks)
        run.check()
        return run

    # The kernel.

    def new_warnings(self, expected):
        """Kernel messages of level warning or worse since the last call, without those that the scenario provokes."""
        text = self.guest.run("dmesg -r -c")
        return [line for line in text.splitlines() if re.match(r"<[0-4]>", line)
                and not any(re.search(pattern, line) for pattern in (SLOW_HOST, OLD_TOOL, *expected))]
