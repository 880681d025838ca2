# SPDX-License-Identifier: Apache-2.0
"""The guest lab: boots real guests and checks the agent in them against witnesses.

    python3 tests/guests/lab.py               every scenario on every kernel
    python3 tests/guests/lab.py NAME...       these, keeping the logs of those that fail
    python3 tests/guests/lab.py --list        what there is
    python3 tests/guests/lab.py --shell NAME  boots the guest of a scenario and leaves you in it, the agent running
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).parents[1] / "harness")]

import guest as guests
import measure
import scenarios
import vqtest

WINDOW = 2  # seconds over which the agent averages
# Messages that tell of the host's scheduling only: an emulated CPU, or a busy host's, stands still at times.
SLOW_HOST = r"hrtimer: interrupt took|clocksource|perf: interrupt took too long"
# What the allocator may keep for itself after the agent's memory stood still. A leak of one answer in fifty would be
# more in the course of a guest's scenarios.
HEAP_SLACK_KB = 256


class Lab:
    """A booted guest in which the agent runs: what a scenario is given."""

    def __init__(self, layout, kernel, initramfs, interactive=False):
        self.layout, self.kernel = layout, kernel
        self.guest = guests.Guest(layout, kernel, initramfs, interactive)
        self.present = [disk for disk in layout.disks if disk.plugged]
        self.names, self.programs = {}, ""
        self.warm_kb = None  # the agent's heap after its first loads
        try:
            self.find_disks()
            # Merging would make one request of two: fio's count is the witness.
            self.guest.run("for disk in /sys/block/*; do echo 2 > $disk/queue/nomerges; done")
            self.count_kicks()
            self.programs = self.guest.run("bpftool prog list | grep -c tag || true")
            self.start_agent()
        except BaseException:
            self.guest.close()
            raise

    def find_disks(self):
        """Which kernel name each disk has got."""

        def found():
            serials = dict(line.split()[:2] for line in self.guest.run(
                "cd /sys/block; for disk in *; do"
                "  echo $(cat $disk/serial 2> /dev/null || strings $disk/device/vpd_pg80 2> /dev/null) $disk $disk;"
                "done").splitlines() if line)
            names = {disk.name: disk.kernel_name if disk.kernel_name in serials else serials.get(disk.name)
                     for disk in self.present}
            return names if all(names.values()) else None

        self.names = self.guest.wait_for(found, "the guest's disks")

    def disks(self):
        return self.present

    def kernel_name(self, name):
        return self.names[name]

    def count_kicks(self):
        """Probes by the kernel itself on the functions whose calls the agent times."""
        self.guest.run("cd /sys/kernel/tracing\n"
                       "for function in vp_notify vm_notify; do\n"
                       '  grep -qw $function /proc/kallsyms || continue\n'
                       '  echo "p:lab/$function $function" >> kprobe_events && echo 1 > events/lab/$function/enable\n'
                       "done; true")

    def start_agent(self, *flags, wrapper="", probes=("block", "irq", "notify")):
        virtio = any("virtio" in text for text in
                     (*self.layout.devices, *(disk.device for disk in self.layout.disks)))
        required = " ".join(f"--require-probe={probe}" for probe in probes if probe != "notify" or virtio)
        self.guest.run(f"{wrapper} vqscope serve --web.listen-address=127.0.0.1:10177 --window={WINDOW} {required} "
                       f"{' '.join(flags)} > /tmp/agent.log 2>&1 &")

        def serves():
            log = self.guest.read("/tmp/agent.log")
            if "serves http" not in log and not self.guest.run("pidof vqscope", check=False).strip():
                raise AssertionError(f"the agent ended: {log}")
            return "serves http" in log

        self.guest.wait_for(serves, "the agent")

    def end_agent(self, signal="TERM"):
        self.guest.run(f"kill -{signal} $(pidof vqscope)")
        self.guest.wait_for(lambda: not self.guest.run("pidof vqscope", check=False).strip(), "the agent to end")

    def scrape(self):
        return vqtest.Scrape(self.guest.run(f"wget -q -O - {measure.URL}"))

    def wait_for_scrape(self, fact, what):
        """The first scrape for which `fact` holds."""
        return self.guest.wait_for(lambda: (scrape := self.scrape()) and fact(scrape) and scrape, what)

    def run(self, jobs, **hooks):
        """Runs fio, compares everything, and returns the measure.Run for more."""
        run = measure.Run(self, jobs, **hooks)
        run.check()
        return run

    def heap_kb(self):
        return int(re.search(r"RssAnon:\s+(\d+)", self.guest.run("cat /proc/$(pidof vqscope)/status")).group(1))

    def new_warnings(self, expected):
        """Kernel messages of level warning or worse since the last call, without those that the scenario provokes."""
        text = self.guest.run("dmesg -r -c")
        return [line for line in text.splitlines() if re.match(r"<[0-4]>", line)
                and not any(re.search(pattern, line) for pattern in (SLOW_HOST, *expected))]


class Report:
    """Prints results as they come, from several threads, and counts them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = {"ok": 0, "FAIL": 0, "skipped": 0}

    def add(self, scenario, kernel, result, text=""):
        with self.lock:
            self.counts[result] += 1
            print(f"{result:7} {scenario} on {kernel}{': ' if text else ''}{text}", flush=True)

    def close(self):
        print(f"{self.counts['ok']} passed, {self.counts['FAIL']} failed, {self.counts['skipped']} skipped")
        return 1 if self.counts["FAIL"] or not self.counts["ok"] else 0


def keep_logs(lab, scenario, kernel):
    directory = pathlib.Path(tempfile.mkdtemp(prefix=f"vqscope-{scenario.name}-{kernel.name}-"))
    for name, command in (("agent.log", "cat /tmp/agent.log"), ("dmesg", "cat /tmp/dmesg-boot; dmesg"),
                          ("metrics", f"wget -q -O - {measure.URL}"), ("interrupts", "cat /proc/interrupts")):
        (directory / name).write_text(lab.guest.run(command, check=False))
    (directory / "host").write_text(lab.guest.logs())
    return directory


def run_scenario(lab, scenario, kernel, report, keep):
    start = time.monotonic()
    try:
        scenario.run(lab)
        warnings = lab.new_warnings(scenario.expected_messages)
        if warnings:
            raise AssertionError("the kernel warned:\n  " + "\n  ".join(warnings))
        report.add(scenario.name, kernel.name, "ok", f"{time.monotonic() - start:.0f} s")
        return True
    except unittest.SkipTest as reason:
        report.add(scenario.name, kernel.name, "skipped", str(reason))
        return True
    except Exception as error:
        text = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
        if keep:
            try:
                text += f"\nlogs: {keep_logs(lab, scenario, kernel)}"
            except Exception as second:
                text += f"\nno logs: {second}"
        report.add(scenario.name, kernel.name, "FAIL", text)
        return False


def check_end(lab, layout_name, kernel, report):
    """What holds when a guest has been through all its scenarios. Memory is not compared where a scenario has started
    the agent anew (and set warm_kb to None)."""
    name = f"{layout_name}: agent's log and memory"
    try:
        log = lab.guest.read("/tmp/agent.log")
        complaints = [line for line in log.splitlines() if re.search(r"warn|error", line)]
        if complaints:
            raise AssertionError("\n  ".join(["the agent complained:", *complaints]))
        if lab.warm_kb is not None:
            heap = lab.heap_kb()
            if heap > lab.warm_kb + HEAP_SLACK_KB:
                raise AssertionError(f"the agent's memory grew from {lab.warm_kb} kB when warm to {heap} kB")
        report.add(name, kernel.name, "ok")
    except Exception as error:
        report.add(name, kernel.name, "FAIL", str(error))


def warm_up(lab):
    """The agent's heap in kB when it has grown to what it needs: every kind of request was seen on every disk, the
    trailing window is full, and fifty more scrapes add nothing."""
    jobs = [measure.Job(disk.name, ios=51, options=options) for disk in lab.disks()
            for options in (measure.Job.options, "--rw=randwrite --fsync=7", "--rw=randtrim")
            if "trim" not in options or disk.device.startswith("virtio-blk")]
    measure.Run(lab, jobs)
    heap = [0]

    def stands_still():
        lab.guest.run(f"for i in $(seq 50); do wget -q -O /dev/null {measure.URL}; done")
        heap.append(lab.heap_kb())
        return heap[-1] == heap[-2]

    lab.guest.wait_for(stands_still, "the agent's memory to stand still")
    return heap[-1]


def run_guest(layout_name, group, kernel, initramfs, report, keep):
    """Boots one guest for the scenarios of a layout."""
    layout = scenarios.LAYOUTS[layout_name]
    pending = list(group)
    while pending:
        try:
            lab = Lab(layout, kernel, initramfs)
        except unittest.SkipTest as reason:
            for scenario in pending:
                report.add(scenario.name, kernel.name, "skipped", str(reason))
            return
        except Exception as error:
            for scenario in pending:
                report.add(scenario.name, kernel.name, "FAIL", str(error))
            return
        try:
            lab.guest.run("dmesg -c > /tmp/dmesg-boot")
            lab.warm_kb = warm_up(lab)
            # After a failure the guest may be in any state: the others get a fresh one.
            while pending:
                if not run_scenario(lab, pending.pop(0), kernel, report, keep):
                    break
            else:
                check_end(lab, layout_name, kernel, report)
        except Exception as error:
            for scenario in pending or group[-1:]:
                report.add(scenario.name, kernel.name, "FAIL", str(error))
            return
        finally:
            lab.guest.close()


def shell(scenario, kernel, initramfs):
    lab = Lab(scenarios.LAYOUTS[scenario.layout], kernel, initramfs, interactive=True)
    try:
        print(f"\r\n{scenario.name} on {kernel.name}; disks: {lab.names}; PATH=/tools:/bin; "
              f"metrics: wget -qO - {measure.URL}; 'exit' ends the guest\r", flush=True)
        lab.guest.process.wait()
    finally:
        lab.guest.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--shell", action="store_true", help="boot the guest of a scenario and stay in it")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument("--kernel", choices=guests.KERNELS, action="append", help="only on this one")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="guests at a time")
    options = parser.parse_args()

    table = scenarios.SCENARIOS
    if options.list:
        for scenario in table:
            print(f"{scenario.name:32} {scenario.layout:10} {scenario.what}")
        return 0
    for name in options.names:
        if name not in {scenario.name for scenario in table}:
            parser.error(f"no scenario is called {name}; --list shows them")
    chosen = [scenario for scenario in table if not options.names or scenario.name in options.names]
    if options.shell and len(options.names) != 1:
        parser.error("--shell needs the name of one scenario")
    for program in ("qemu-system-x86_64", "busybox", "cpio", "fio", "bpftool", "promtool", "apt-get", "modprobe"):
        if not guests.tool(program):
            print(f"skipped: {program} is not installed")
            return vqtest.SKIPPED

    report, start = Report(), time.monotonic()
    work = pathlib.Path(tempfile.mkdtemp(prefix="vqscope-lab-"))
    try:
        kernels = []
        for name in options.kernel or guests.KERNELS:
            kernel = guests.Kernel(name)
            kernel.build_initramfs(work / name)
            kernels.append(kernel)
            if options.shell:
                shell(chosen[0], kernel, work / name)
                return 0
        print(f"guests run with {' '.join(guests.accelerator())}")
        groups = {}
        for scenario in chosen:
            groups.setdefault(scenario.layout, []).append(scenario)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            runs = [pool.submit(run_guest, layout, group, kernel, work / kernel.name, report, bool(options.names))
                    for layout, group in groups.items() for kernel in kernels]
            for run in runs:
                run.result()
    finally:
        shutil.rmtree(work)
    print(f"{time.monotonic() - start:.0f} s")
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
