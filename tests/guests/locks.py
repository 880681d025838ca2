# SPDX-License-Identifier: Apache-2.0
"""Waits for the disks' locks, against the kernel's own trace events of the same locks."""

import re
import unittest

import lock_waits
from measure import Job

INSTANCE = "/sys/kernel/tracing/instances/locks"
LINE = re.compile(r"^\s*\S.*\s\[(\d+)\]\s+\S+\s+([\d.]+): (\w+): (.*)$", re.M)
REASON = "lock_wait"


def traced(lab, load, condition, stacks):
    """The kernel's trace of waits during a load."""
    lab.guest.run(f"mkdir {INSTANCE} && cd {INSTANCE} && echo 4096 > buffer_size_kb && echo 0 > options/hash-ptr && "
                  f"echo {stacks} > options/stacktrace")
    try:
        for event in ("end", "begin"):
            if event == "begin" or not stacks:
                lab.guest.run(f"cd {INSTANCE}/events/lock/contention_{event}; echo '{condition}' > filter; echo 1 > enable")
        load()
        lab.guest.run(f"echo 0 > {INSTANCE}/events/lock/enable")
        return lab.guest.run(f"head -n 20000 {INSTANCE}/trace")
    finally:
        lab.guest.run(f"echo 0 > {INSTANCE}/events/lock/enable; cd /; rmdir {INSTANCE}")


def waits(disk, elevators):
    """As many as the kernel tells of, for each lock; the agent has none where the kernel tells of none."""

    def check(lab, elevator):
        name = lab.kernel_name(disk)
        lab.guest.write(f"/sys/block/{name}/queue/scheduler", elevator)

        def load():
            lab.fio([Job(disk, cpu, "--rw=randread --iodepth=8", 601) for cpu in range(4) for _ in range(2)])

        lab.fio([Job(disk, 0, "--rw=randread --time_based --runtime=13", None)])  # the agent has looked at the disk since
        locks = lock_waits.find(traced(lab, load, "flags == 1", 1))
        if not locks:
            raise unittest.SkipTest(f"the kernel told of no wait for a lock of {disk} with {elevator}")
        scrapes = []

        def watched():
            scrapes.append(lab.scrape())
            load()
            scrapes.append(lab.scrape())

        text = traced(lab, watched, " || ".join(f"lock_addr == {address:#x}" for address in locks), 0)
        events = [(int(cpu), float(at), event, rest) for cpu, at, event, rest in LINE.findall(text)]
        before, after = scrapes
        told = after.lost().get(REASON, 0) - before.lost().get(REASON, 0)
        figures = []
        for lock, (count, time) in lock_waits.add_up(events, locks).items():
            mine, took = (after.sum(metric, device=name, lock=lock) - before.sum(metric, device=name, lock=lock)
                          for metric in ("vqscope_lock_waits_total", "vqscope_lock_wait_seconds_total"))
            figures.append(f"{elevator}, {lock} lock: {mine:.0f} of {count} waits, {took * 1e3:.1f} of {time * 1e3:.1f} ms, "
                           f"{told} told as lost")
            if not mine <= count <= mine + told:
                raise AssertionError(f"{count} waits for the {lock} lock of {disk}, the agent has {mine} and told {told}")
        return figures

    def run(lab):
        if not lab.guest.run("ls -d /sys/kernel/tracing/events/lock/contention_begin", check=False).strip():
            raise unittest.SkipTest("this kernel does not tell of waits for locks")
        return "; ".join(text for elevator in elevators for text in check(lab, elevator))

    return run
