# SPDX-License-Identifier: Apache-2.0
"""Depth and latency against the kernel's own trace events, which timestamp the same requests by themselves.

The events are those of blktrace, read through tracefs, because kernels that are locked down refuse blktrace's files.
"""

import os
import pathlib
import re
import unittest

import vqtest

BUCKET = 2 ** (1 / 8)  # width of a native bucket, 9 %


class Trace:
    """Records issues and completions of a disk while in the with block; after it latencies() tells their D2C."""

    EVENT = re.compile(r" (\d+\.\d{6}): block_rq_(issue|complete): \S+ (\S+) (?:\d+ )?\(.*?\) (\d+ \+ \d+)")

    def __init__(self, disk):
        tracefs = pathlib.Path("/sys/kernel/tracing")
        if not (tracefs / "instances").exists():
            vqtest.run("mount", "-t", "tracefs", "tracefs", tracefs)
        self.instance = tracefs / "instances" / f"vqscope-test-{os.getpid()}"
        self.instance.mkdir()
        self.set("trace_clock", "mono")
        self.set("buffer_size_kb", 65536)
        major, minor = map(int, pathlib.Path(f"/sys/block/{disk}/dev").read_text().split(":"))
        for event in ("issue", "complete"):
            self.set(f"events/block/block_rq_{event}/filter", f"dev == {major << 20 | minor}")

    def set(self, name, value):
        (self.instance / name).write_text(str(value))

    def enable(self, value):
        for event in ("complete", "issue") if value else ("issue", "complete"):
            self.set(f"events/block/block_rq_{event}/enable", value)

    def __enter__(self):
        self.enable(1)
        return self

    def __exit__(self, *_):
        self.enable(0)
        self.text = (self.instance / "trace").read_text()
        self.overruns = [path.read_text() for path in self.instance.glob("per_cpu/cpu*/stats")]
        self.instance.rmdir()

    def latencies(self):
        """Issue -> completion of every request in seconds, rising."""
        if not all(re.search(r"^overrun: 0$", statistics, re.M) for statistics in self.overruns):
            raise AssertionError("the trace buffer was too small")
        issued, found = {}, []
        for seconds, event, kind, where in self.EVENT.findall(self.text):
            if event == "issue":
                issued[kind, where] = float(seconds)
            elif (kind, where) in issued:
                found.append(float(seconds) - issued.pop((kind, where)))
        return sorted(found)


def quantile_bounds(before, after, device, q):
    """Lower and upper bound of the native bucket that holds the q-quantile of what came between two scrapes."""
    counts = {}
    for sign, scrape in ((-1, before), (1, after)):
        for labels, value in scrape.all("vqscope_request_device_latency_seconds_bucket", device=device):
            bound = float(labels["le"])
            counts[bound] = counts.get(bound, 0) + sign * value
    bounds = sorted(counts)
    rank = q * counts[bounds[-1]]
    upper = next(bound for bound in bounds if counts[bound] >= rank)
    return upper / BUCKET, upper


class DepthAndLatency(unittest.TestCase):
    def setUp(self):
        vqtest.require_root()
        self.disk = vqtest.root_disk()

    def start_agent(self):
        # Every native bucket from 8 us to 8 s as a classic one, so that the text shows them all.
        buckets = ",".join(repr(2 ** (i / 8)) for i in range(-17 * 8, 3 * 8 + 1))
        return vqtest.Agent(self, f"--device-include=^{self.disk}$", "--require-probe=block",
                            f"--histogram.classic-buckets={buckets}")

    def check(self, depth, *arguments):
        name = self.enterContext(vqtest.scratch_file())
        vqtest.Fio(f"--filename={name}", "--size=128m", "--rw=write", "--bs=1m", "--end_fsync=1")
        os.sync()

        def measure():
            agent = self.start_agent()  # after lost completions the integral of in-flight would stand for a while
            with Trace(self.disk) as trace:
                before = agent.scrape()
                vqtest.Fio(f"--filename={name}", "--size=128m", "--direct=1", "--ioengine=libaio", f"--iodepth={depth}",
                           "--number_ios=25000", *arguments)
                after = agent.quiet_scrape(self.disk)
            agent.stop()
            return before, after, trace.latencies()

        before, after, latencies = vqtest.measure_undisturbed(measure)
        self.assertGreater(len(latencies), 20000)
        # Others may use the disk in the moments between the scrapes and the switching of the events.
        self.assertAlmostEqual((after.requests(self.disk) - before.requests(self.disk)) / len(latencies), 1, delta=0.005)

        integral = after.one("vqscope_queue_inflight_seconds_total", device=self.disk, queue="0") - before.one(
            "vqscope_queue_inflight_seconds_total", device=self.disk, queue="0")
        # The average depth is either of these over the same seconds.
        self.assertAlmostEqual(integral / sum(latencies), 1, delta=0.02)

        for q in (0.5, 0.99, 0.999):
            exact = latencies[min(int(q * len(latencies)), len(latencies) - 1)]
            lower, upper = quantile_bounds(before, after, self.disk, q)
            self.assertGreaterEqual(exact, lower / BUCKET, f"p{q * 100}")
            self.assertLessEqual(exact, upper * BUCKET, f"p{q * 100}")

    def test_one_at_a_time(self):
        self.check(1, "--rw=randread", "--bs=4k")

    def test_deep_queue(self):
        self.check(32, "--rw=randrw", "--bs=4k")


if __name__ == "__main__":
    vqtest.main()
