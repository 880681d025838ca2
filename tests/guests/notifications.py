# SPDX-License-Identifier: Apache-2.0
"""How long notifications take, against the kernel's own probes at both ends of the same calls (see Lab.count_kicks).

What these time holds the agent's programs too, and whatever comes in between: it is the longer one. In an emulated guest that
is more than most notifications take, so the two can be compared closely only where QEMU serves a notification slowly, and
before it returns.
"""

import contextlib
import re
import unittest

from measure import Job, everywhere

# Where QEMU keeps zeros: it reads all parts, and compares each with the first, byte by byte.
SLOW = "driver=quorum,vote-threshold=1" + "".join(
    f",children.{part}.driver=null-co,children.{part}.size=256M,children.{part}.read-zeroes=on" for part in range(64))
CPU = 2  # vCPUs that are idle do not take the emulator away from this one
INSTANCE = "/sys/kernel/tracing/instances/notifications"
# By the agent's clock.
PREPARE = f"mkdir {INSTANCE} && cd {INSTANCE} && echo 0 > tracing_on && echo 4096 > buffer_size_kb && echo mono > trace_clock"
HOOKS = {
    "before": f"echo 1 > {INSTANCE}/events/lab/enable; echo > {INSTANCE}/trace; echo 1 > {INSTANCE}/tracing_on",
    "after": f"echo 0 > {INSTANCE}/tracing_on; echo 0 > {INSTANCE}/events/lab/enable; "
             f"cat {INSTANCE}/trace > /tmp/run/notifications",
}
LINE = re.compile(r"-(\d+) +\[(\d+)\] +\S+ +([\d.]+): \w+_(notify|ends): ")
COUNT, SUM, BUCKET = (f"vqscope_virtqueue_notify_seconds_{part}" for part in ("count", "sum", "bucket"))
ROUNDS = 3
CLOSE = 0.01  # of the sum, for what the agent leaves out


def durations(text):
    """Seconds of each call in a trace. Calls of a task end in the order in which they would if one interrupted the other;
    idle tasks have the same number on every CPU."""
    begun, took = {}, []
    for task, cpu, at, event in LINE.findall(text):
        calls = begun.setdefault((task, cpu if task == "0" else None), [])
        if event == "notify":
            calls.append(float(at))
        else:
            took.append(float(at) - calls.pop())
    if "LOST" in text or any(begun.values()):
        raise AssertionError("the kernel's trace has lost events")
    return took


class Comparison:
    """What the agent and the kernel say of the notifications of one measure.Run with HOOKS."""

    def __init__(self, run):
        self.kernel = durations(run.files["notifications"])
        self.number, self.seconds = int(run.grown(COUNT)), run.grown(SUM)
        bounds = sorted({labels["le"] for labels, _ in run.after.scrape.all(BUCKET)}, key=float)
        self.below = [(float(bound), run.grown(BUCKET, le=bound)) for bound in bounds]  # cumulative

    def bucket_of(self, seconds):
        return next(place for place, (bound, _) in enumerate(self.below) if seconds <= bound)

    def longest_bucket(self):
        return next(place for place, (_, count) in enumerate(self.below) if count == self.number)

    def check(self, run, closely):
        """No duration that never was: neither more calls than there were, nor longer ones. `closely`: nor shorter ones."""
        run.expect("notifications in the kernel's trace", self.number, len(self.kernel))
        longest, theirs = self.longest_bucket(), self.bucket_of(max(self.kernel))
        run.require(f"notifications took {self.seconds:.6f} s, by the kernel's trace {sum(self.kernel):.6f} s",
                    (1 - CLOSE if closely else 0) * sum(self.kernel) <= self.seconds <= sum(self.kernel))
        run.require(f"the longest notification took up to {self.below[longest][0]} s, by the kernel's trace "
                    f"{max(self.kernel):.6f} s", (theirs - 1 if closely else 0) <= longest <= theirs)

    def __str__(self):
        return (f"{self.number} of {len(self.kernel)} notifications, sum {self.seconds / sum(self.kernel):.4f} of "
                f"{sum(self.kernel):.3f} s, longest {self.below[self.longest_bucket()][0]:.3g} / {max(self.kernel):.3g} s")


@contextlib.contextmanager
def traced(lab):
    """Hooks for measure.Run with which a Comparison is possible; none where the agent does not time notifications."""
    if not lab.kernel.traces_notifications:
        yield {}
        return
    lab.guest.run(PREPARE)
    try:
        yield HOOKS
    finally:
        lab.guest.run(f"rmdir {INSTANCE}")


def rounds(lab, disks, jobs, closely=False):
    """The same load three times; a line of figures."""
    figures = []
    with traced(lab) as hooks:
        for _ in range(ROUNDS):
            run = lab.run(jobs, **hooks)
            requests = sum(run.requests(device=lab.kernel_name(disk)) for disk in disks)
            figures.append(f"{requests} of {sum(map(run.done, disks))} requests")
            if hooks:
                comparison = Comparison(run)
                figures[-1] += f", {comparison}"
                comparison.check(run, closely)
                if run.problems:
                    raise AssertionError("\n  ".join(["; ".join(figures), *run.problems]))
    return "; ".join(figures)


def preempting(*disks):
    """Two threads of different priorities on each vCPU for each disk, which preempt each other and are interrupted by each
    other's completions: inside of the kernel, and so inside of the programs, where its mode of preemption lets them."""
    jobs = []
    for number, disk in enumerate(disks):
        for nice in (0, 5):
            jobs += everywhere(disk, f"--rw=randrw --iodepth={4 << number} --nice={nice}", ios=301 + 64 * number + nice)
    return lambda lab: rounds(lab, disks, jobs)


def slow(disk, threads):
    """So many threads on one vCPU, which preempt each other inside of notifications that take long."""
    jobs = [Job(disk, CPU, f"--rw=randread --bs=512k --io_size=1g --iodepth=1 --nice={5 * thread}", 41 + 10 * thread)
            for thread in range(threads)]

    def run(lab):
        if not lab.kernel.traces_notifications:
            raise unittest.SkipTest("the agent does not time notifications on this kernel")
        return rounds(lab, [disk], jobs, closely=True)

    return run
