# SPDX-License-Identifier: Apache-2.0
"""What the lock probe takes of each event of a lock that is no disk's, while all vCPUs fight for one."""

import statistics
import subprocess

import kernel_cost


class Storm:
    """Threads that wait for one of the kernel's locks, a futex's, until stopped."""

    def __init__(self, binary):
        self.binary = binary

    def __enter__(self):
        self.process = subprocess.Popen([self.binary], stdin=subprocess.PIPE)

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)


def rows(results):
    shown = kernel_cost.medians(results)
    table = []
    for name, events in shown.items():
        counted = [event for event in kernel_cost.LOCKS if event in events and event in shown["bare"]]
        net = sum(events[event] - shown["bare"][event] for event in counted)
        table.append({
            "programs": name,
            **{f"{event} ns": round(events[event]) if event in events else "-" for event in kernel_cost.LOCKS},
            # Nothing, where the kernel tells of no waits.
            "net ns an event": f"{net / len(counted):.1f}" if counted else "-",
            "waits/s": round(statistics.median(runs / seconds for _, runs, seconds in results[name].get("begin", [(0, 0, 1)]))),
        })
    return table


def section(machine):
    """Against empty programs on the same two events."""
    device, _ = machine.disk()
    subjects = [kernel_cost.floor(machine.floor, "bare"), kernel_cost.agent(machine.agent, device)]
    rounds, seconds = (1, 0.5) if machine.quick else (7, 2)
    with Storm(machine.storm):
        yield "Time in BPF programs, a storm on a lock that is no disk's", rows(
            kernel_cost.alternate(subjects, rounds, seconds))
