# SPDX-License-Identifier: Apache-2.0
"""Runs scenarios: boots their guests, reports what came of each, and keeps what helps to find out why one failed."""

import pathlib
import re
import tempfile
import threading
import time
import traceback
import unittest

import scenarios
import trees
from averages import check_averages
from kernels import cache_directory
from lab import WINDOW, Lab
from measure import URL, Job, Run

# What may come on top after the agent's memory stood still: series of disks and queues that scenarios add (null_blk, an
# array), and what the allocator keeps of the largest answer so far. The soak (tests/soak) is the test that looks for leaks
# where nothing changes. For each eight vCPUs or part of eight: answers grow with them.
HEAP_SLACK_KB = 512


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
                          ("metrics", f"wget -q -O - {URL}"), ("interrupts", "cat /proc/interrupts")):
        (directory / name).write_text(lab.guest.run(command, check=False))
    (directory / "host").write_text(lab.guest.logs())
    return directory


def run_scenario(lab, scenario, kernel, report, keep):
    start = time.monotonic()
    try:
        lab.findings = scenario.findings
        figures = scenario.run(lab)
        warnings = lab.new_warnings(scenario.expected_messages)
        if warnings:
            raise AssertionError("the kernel warned:\n  " + "\n  ".join(warnings))
        report.add(scenario.name, kernel.name, "ok", f"{time.monotonic() - start:.0f} s{f', {figures}' if figures else ''}")
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
        # A finding is what the agent is there to tell, and a scenario may well be one.
        expected = (": finding ", *(f": the {probe} probe is off (" for probe in kernel.lacks))
        complaints = [line for line in log.splitlines()
                      if re.search(r"warn|error", line) and not any(text in line for text in expected)]
        if complaints:
            raise AssertionError("\n  ".join(["the agent complained:", *complaints]))
        if lab.warm_kb is not None:
            heap = lab.heap_kb()
            if heap > lab.warm_kb + HEAP_SLACK_KB * -(-vcpus(lab) // 8):
                raise AssertionError(f"the agent's memory grew from {lab.warm_kb} kB when warm to {heap} kB")
        report.add(name, kernel.name, "ok")
    except Exception as error:
        report.add(name, kernel.name, "FAIL", str(error))


def vcpus(lab):
    """When the guest was started."""
    return int(lab.layout.cpus.split(",")[0])


def warm_up(lab):
    """Every kind of request on every queue of every disk, so that the agent grows to what it needs."""
    jobs = [Job(disk.name, cpu, options, ios=17) for disk in lab.disks() for cpu in range(vcpus(lab))
            for options in (Job.options, "--rw=randwrite --fsync=7", "--rw=randtrim")
            if "trim" not in options or disk.device.startswith("virtio-blk")]
    Run(lab, jobs)


def settled_kb(lab):
    """The agent's heap when twenty more scrapes add nothing."""
    heap = [0]

    def stands_still():
        lab.guest.run(f"for i in $(seq 20); do wget -q -O /dev/null {URL}; done")
        heap.append(lab.heap_kb())
        return heap[-1] == heap[-2]

    lab.guest.wait_for(stands_still, "the agent's memory to stand still")
    return heap[-1]


def averages_of(layout_name):
    return scenarios.Scenario(f"{layout_name}: averages", layout_name, "", lambda lab: check_averages(lab, WINDOW))


def run_guest(layout_name, group, kernel, initramfs, report, keep):
    """Boots one guest for the scenarios of a layout."""
    layout = scenarios.LAYOUTS[layout_name]
    pending = [averages_of(layout_name), *group]
    while pending:
        try:
            lab = Lab(layout, kernel, initramfs)
            lab.start_agent()
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
            trees.save(lab, f"Guest {layout_name!r} of the lab, Linux {kernel.version}.",
                       cache_directory() / "trees" / f"{layout_name}-{kernel.name}.guest")
            warm_up(lab)
            # After a failure the guest may be in any state: the others get a fresh one.
            while pending:
                if not run_scenario(lab, pending.pop(0), kernel, report, keep):
                    break
                if len(pending) == len(group):  # the averages, which take the first minute
                    lab.warm_kb = settled_kb(lab)
            else:
                check_end(lab, layout_name, kernel, report)
        except Exception as error:
            for scenario in pending or group[-1:]:
                report.add(scenario.name, kernel.name, "FAIL", str(error))
            return
        finally:
            lab.guest.close()
