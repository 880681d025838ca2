# SPDX-License-Identifier: Apache-2.0
"""What the doctor says of disks that QEMU lets so many requests or bytes a second through, and of those that it does not."""

import dataclasses
import json

from measure import Job

MIB = 1 << 20
SIZES = "--rw=randrw --bssplit=4k/50:16k/30:64k/20"
SMALL = "--rw=randread"


@dataclasses.dataclass(frozen=True)
class Cap:
    """A limit that QEMU sets: requests or bytes a second, and what it lets through for some seconds before."""

    iops: int = 0
    bps: int = 0
    burst: int = 0
    burst_seconds: int = 0

    def __str__(self):
        if not self.iops and not self.bps:
            return "none"
        limit = f"{self.iops:,} requests/s" if self.iops else f"{self.bps / MIB:g} MiB/s"
        return limit + (f", burst of {self.burst // (self.iops or self.bps)} times for {self.burst_seconds} s" if self.burst
                        else "")

    def arguments(self):
        """Of QMP's block_set_io_throttle."""
        arguments = {"iops": self.iops, "bps": self.bps}
        if self.burst:
            kind = "iops" if self.iops else "bps"
            arguments |= {f"{kind}_max": self.burst, f"{kind}_max_length": self.burst_seconds}
        return arguments


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the doctor counted and says; that it counts what the kernel does is what other scenarios check."""

    report: dict

    @property
    def requests_rate(self):
        return self.report["disks"][0]["requests_per_second"]

    @property
    def bytes_rate(self):
        return self.report["disks"][0]["bytes_per_second"]

    def finding(self, name="storage_limit"):
        return next((found for found in self.report["findings"] if found["finding"] == name), None)

    def share(self, cap):
        """Of what the limit lets through."""
        return self.requests_rate / cap.iops if cap.iops else self.bytes_rate / cap.bps if cap.bps else 0

    def error(self, cap):
        """How far the limit that the doctor tells is from the one that is set, relative to it; None: it tells of none."""
        numbers = (self.finding() or {"numbers": {}})["numbers"]
        kind = "requests_per_second" if cap.iops else "bytes_per_second"
        told = numbers.get(f"limit_{kind}" if numbers.get("seen") else kind)
        return told and abs(told / (cap.iops or cap.bps) - 1)


def jobs(disk, depth, options):
    """So many requests in flight, from as many vCPUs as there are for them."""
    cpus = min(depth, 4)
    return [Job(disk, cpu, f"{options} --iodepth={depth // cpus} --time_based --runtime=600", None) for cpu in range(cpus)]


def look(lab, disk, cap, load, seconds=10):
    """The outcome under this limit and this load, once what a burst lets through is used up."""
    name = lab.kernel_name(disk)
    stat = f"/sys/block/{name}/stat"

    def done():
        words = list(map(int, lab.guest.read(stat).split()))
        return words[0] + words[4], 512 * (words[2] + words[6])

    lab.guest.monitor.throttle(disk, **cap.arguments())
    requests, moved = done()
    lab.start_fio(load)
    try:
        credit = 1.5 * cap.burst * cap.burst_seconds
        lab.guest.wait_for(lambda: done()[0] > requests + (credit if cap.iops else 0) and
                           done()[1] > moved + (credit if cap.bps else 0), "the load")
        text = lab.guest.run(f"vqscope doctor --json --duration={seconds} --device-include '^{name}$' 2> /tmp/doctor.log",
                             check=False)
    finally:
        lab.end_fio()
        lab.guest.monitor.throttle(disk)
    return Outcome(json.loads(text[text.index("{"):]))


def found_and_not_found(disk):
    """A limit of requests and one of bytes are found, and told within 5 %; without one nothing is called a limit that is
    set, and with one that a program does not reach nothing is found."""

    def run(lab):
        for cap, depth, options in ((Cap(iops=500), 32, SMALL), (Cap(bps=8 * MIB), 16, SIZES), (Cap(iops=300), 1, SMALL)):
            outcome = look(lab, disk, cap, jobs(disk, depth, options))
            error = outcome.error(cap)
            if outcome.share(cap) > 0.97 and (error is None or error > 0.05):
                raise AssertionError(f"{cap}, {depth} in flight: {outcome.report['findings']}")
        cap = Cap(iops=1000)
        outcome = look(lab, disk, cap, jobs(disk, 4, f"{SMALL} --rate_iops=100"))
        if outcome.finding():
            raise AssertionError(f"{cap}, of which {outcome.requests_rate:.0f} are asked for: {outcome.finding()}")
        found = look(lab, disk, Cap(), jobs(disk, 16, SMALL)).finding()
        if found and found["numbers"]["looks_set"]:
            raise AssertionError(f"no limit: {found}")

    return run
