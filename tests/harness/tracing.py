# SPDX-License-Identifier: Apache-2.0
"""The kernel's own trace events, read through tracefs: a witness of what happened, and when."""

import functools
import itertools
import os
import pathlib
import re
import time
import unittest

import vqtest

TRACEFS = pathlib.Path("/sys/kernel/tracing")


class Tracing:
    """Records events ("block/block_rq_issue" -> filter, empty: all) while in the with block; then `events` tells them.

    Their times are those of the CPUs' counter where there is one, since the kernel prints those of its clocks in
    microseconds only, and seconds() turns differences of them into seconds.
    """

    NUMBERS = itertools.count()
    LINE = re.compile(r"^\s*\S.*\s\[(\d+)\]\s+\S+\s+([\d.]+): (\w+): (.*)$", re.M)

    def __init__(self, events, **options):
        if not (TRACEFS / "instances").exists():
            vqtest.run("mount", "-t", "tracefs", "tracefs", TRACEFS)
        for event in events:
            if not (TRACEFS / "events" / event).exists():
                raise unittest.SkipTest(f"this kernel has no event {event}")
        self.filters = events
        self.instance = TRACEFS / "instances" / f"vqscope-test-{os.getpid()}-{next(self.NUMBERS)}"
        self.instance.mkdir()
        try:
            clocks = (self.instance / "trace_clock").read_text()
            self.clock = "x86-tsc" if "x86-tsc" in clocks else "mono"
            self.set("trace_clock", self.clock)
            self.set("buffer_size_kb", 65536)
            for option, value in options.items():
                self.set(f"options/{option.replace('_', '-')}", value)
            for event, condition in events.items():
                if condition:
                    self.set(f"events/{event}/filter", condition)
        except OSError:
            self.instance.rmdir()
            raise

    def set(self, name, value):
        (self.instance / name).write_text(str(value))

    def mark(self):
        """Leaves a mark of the moment, by which seconds() knows how fast the counter counts."""
        before = time.monotonic()
        self.set("trace_marker", "mark")
        return (before + time.monotonic()) / 2

    def __enter__(self):
        self.marks = [self.mark()]
        for event in self.filters:
            self.set(f"events/{event}/enable", 1)
        return self

    def __exit__(self, *_):
        for event in reversed(self.filters):
            self.set(f"events/{event}/enable", 0)
        self.marks.append(self.mark())
        self.text = (self.instance / "trace").read_text()
        overruns = [path.read_text() for path in self.instance.glob("per_cpu/cpu*/stats")]
        self.instance.rmdir()
        if not all(re.search(r"^overrun: 0$", statistics, re.M) for statistics in overruns):
            raise AssertionError("the trace buffer was too small")

    @functools.cached_property
    def events(self):
        """(CPU, time, event, what it says), in order."""
        return [(int(cpu), float(at), event, text) for cpu, at, event, text in self.LINE.findall(self.text)]

    @functools.cached_property
    def second(self):
        """What the clock counts in a second."""
        if self.clock == "mono":
            return 1
        first, last = (at for _, at, event, _ in self.events if event == "tracing_mark_write")
        return (last - first) / (self.marks[1] - self.marks[0])

    def seconds(self, difference):
        return difference / self.second
