# SPDX-License-Identifier: Apache-2.0
"""How long notifications take, against the kernel's own probes at both ends of the same calls (see Lab.count_kicks), and at
the instructions within.

What the first take holds the agent's programs, and whatever takes the vCPU away between its program and theirs; from the first
of the instructions to the last is part of what the agent times. So its sum lies between those two, and where they are apart by no
more than 1 %, it is as close to both. In an emulated guest that is so only where QEMU serves a notification slowly, and
before it returns.
"""

import contextlib
import re
import unittest

from measure import Job, everywhere

# Where QEMU keeps zeros: it reads all parts, and compares each with the first, byte by byte.
SLOW = "driver=quorum,vote-threshold=1" + "".join(
    f",children.{part}.driver=null-co,children.{part}.size=256M,children.{part}.read-zeroes=on" for part in range(96))
CPU = 2  # vCPUs that are idle do not take the emulator away from this one
INSTANCE = "/sys/kernel/tracing/instances/notifications"
# By the agent's clock.
PREPARE = f"mkdir {INSTANCE} && cd {INSTANCE} && echo 0 > tracing_on && echo 4096 > buffer_size_kb && echo mono > trace_clock"
# At each instruction after those that the kernel may replace to trace the function, of which other offsets are refused. The
# symbol that follows is the end.
STEPS = """cd /sys/kernel/tracing
begin=$(awk '$3 == "vp_notify" { print $1; exit }' /proc/kallsyms)
end=$(awk -v begin=$begin '$1 > begin && (!end || $1 < end) { end = $1 } END { print end }' /proc/kallsyms)
for offset in $(seq 9 $((0x$end - 0x$begin - 1))); do
  echo p:lab/step$offset vp_notify+$offset >> kprobe_events
done 2> /dev/null
ls events/lab | grep -q step"""
# Each of them is a place at which a task may be preempted: so those in between go when it is known which are run.
LESS_STEPS = """cd /sys/kernel/tracing
for event in $(ls events/lab | grep step); do
  case $event in
    {}) ;;
    *) echo -:lab/$event >> kprobe_events ;;
  esac
done"""
HOOKS = {
    "before": f"echo 1 > {INSTANCE}/events/lab/enable; echo > {INSTANCE}/trace; echo 1 > {INSTANCE}/tracing_on",
    "after": f"echo 0 > {INSTANCE}/tracing_on; echo 0 > {INSTANCE}/events/lab/enable; "
             f"cat {INSTANCE}/trace > /tmp/run/notifications",
}
LINE = re.compile(r"-(\d+) +\[(\d+)\] +\S+ +([\d.]+): (\w+): ")
COUNT, SUM, BUCKET = (f"vqscope_virtqueue_notify_seconds_{part}" for part in ("count", "sum", "bucket"))
ROUNDS, MOST_ROUNDS = 3, 8
CLOSE = 0.01  # of the sum
STEP = 1e-6  # of the trace's clock


def durations(text):
    """Seconds of each call in a trace, those from its first instruction to its last, and the names of these two steps. Calls of
    a task end in the order in which they would if one interrupted the other; idle tasks have the same number on every CPU."""
    begun, took = {}, []
    for task, cpu, at, event in LINE.findall(text):
        calls = begun.setdefault((task, cpu if task == "0" else None), [])
        if event.endswith("_notify"):
            calls.append([(float(at), event)])
        elif event.endswith("_ends"):
            (begin, _), *steps = calls.pop()
            took.append((float(at) - begin, steps[-1][0] - steps[0][0] if steps else 0,
                         {steps[0][1], steps[-1][1]} if steps else set()))
        else:
            calls[-1].append((float(at), event))
    if "LOST" in text or any(begun.values()):
        raise AssertionError("the kernel's trace has lost events")
    return took


class Comparison:
    """What the agent and the kernel say of the notifications of one measure.Run with HOOKS."""

    def __init__(self, run):
        self.calls, self.insides, steps = zip(*durations(run.files["notifications"]))
        self.steps = set().union(*steps)
        self.number, self.seconds = int(run.grown(COUNT)), run.grown(SUM)
        bounds = sorted({labels["le"] for labels, _ in run.after.scrape.all(BUCKET)}, key=float)
        self.below = [(float(bound), run.grown(BUCKET, le=bound)) for bound in bounds]  # cumulative

    def bucket_of(self, seconds):
        return next(place for place, (bound, _) in enumerate(self.below) if seconds <= bound)

    def longest_bucket(self):
        return next(place for place, (_, count) in enumerate(self.below) if count == self.number)

    def is_close(self):
        """Whether the kernel's two sums are so close that the agent's, between them, is too."""
        return sum(self.calls) - sum(self.insides) <= CLOSE * sum(self.calls)

    def check(self, run):
        """No duration that never was: neither more calls than there were, nor longer or shorter ones."""
        run.expect("notifications in the kernel's trace", self.number, len(self.calls))
        least, most, slack = sum(self.insides), sum(self.calls), STEP * len(self.calls)
        run.require(f"notifications took {self.seconds:.6f} s, by the kernel's trace {most:.6f} s, {least:.6f} s of them inside",
                    least - slack <= self.seconds <= most + slack)
        longest = self.longest_bucket()
        run.require(f"the longest notification took up to {self.below[longest][0]} s, by the kernel's trace "
                    f"{max(self.calls):.6f} s, {max(self.insides):.6f} s inside",
                    self.bucket_of(max(self.insides) - STEP) <= longest <= self.bucket_of(max(self.calls) + STEP))

    def __str__(self):
        inside = f" ({sum(self.insides) / sum(self.calls):.4f} inside)" if any(self.insides) else ""
        return (f"{self.number} of {len(self.calls)} notifications, sum {self.seconds / sum(self.calls):.4f} of "
                f"{sum(self.calls):.3f} s{inside}, longest {self.below[self.longest_bucket()][0]:.3g} / {max(self.calls):.3g} s")


@contextlib.contextmanager
def traced(lab, closely):
    """Hooks for measure.Run with which a Comparison is possible; none where the agent does not time notifications."""
    if not lab.kernel.traces_notifications:
        yield {}
        return
    if closely and "step" not in lab.guest.run("ls /sys/kernel/tracing/events/lab"):
        lab.guest.run(STEPS)
    lab.guest.run(PREPARE)
    try:
        yield HOOKS
    finally:
        lab.guest.run(f"rmdir {INSTANCE}")


def rounds(lab, disks, jobs, closely=False):
    """The same load three times, or more often until the kernel's two sums were close once; a line of figures."""
    figures, close = [], not closely
    with traced(lab, closely) as hooks:
        while len(figures) < ROUNDS or (not close and len(figures) < MOST_ROUNDS):
            run = lab.run(jobs, **hooks)
            requests = sum(run.requests(device=lab.kernel_name(disk)) for disk in disks)
            figures.append(f"{requests} of {sum(map(run.done, disks))} requests")
            if hooks:
                comparison = Comparison(run)
                figures[-1] += f", {comparison}"
                comparison.check(run)
                close |= comparison.is_close()
                if run.problems:
                    raise AssertionError("\n  ".join(["; ".join(figures), *run.problems]))
                if closely:
                    lab.guest.run(LESS_STEPS.format("|".join(comparison.steps)))
    if not close:
        raise AssertionError(f"the kernel's own times were never close to each other: {'; '.join(figures)}")
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
    jobs = [Job(disk, CPU, f"--rw=randread --bs=960k --io_size=1g --iodepth=1 --nice={5 * thread}", 41 + 10 * thread)
            for thread in range(threads)]

    def run(lab):
        if not lab.kernel.traces_notifications:
            raise unittest.SkipTest("the agent does not time notifications on this kernel")
        return rounds(lab, [disk], jobs, closely=True)

    return run
