# SPDX-License-Identifier: Apache-2.0
"""The kernel's own trace of requests and interrupts, as a witness that is not ours.

It lies in an instance of tracefs of its own, made once per boot, and runs only during a load.
"""

import dataclasses
import re

INSTANCE = "/sys/kernel/tracing/instances/lab"
PREPARE = f"""mkdir {INSTANCE} && cd {INSTANCE} && echo 0 > tracing_on && echo 4096 > buffer_size_kb
echo global > trace_clock
for event in block/block_rq_complete block/block_rq_requeue irq/irq_handler_entry; do
  echo 1 > events/$event/enable
done
cd /"""
START = f"echo > {INSTANCE}/trace; echo 1 > {INSTANCE}/tracing_on"
STOP = f"echo 0 > {INSTANCE}/tracing_on; cat {INSTANCE}/trace > /tmp/run/trace; echo > {INSTANCE}/trace"

LINE = re.compile(r"\[(\d+)\].*? (irq_handler_entry|block_rq_complete|block_rq_requeue): (.*)")
REQUEST = re.compile(r"(\d+,\d+) (\S+) .*?\) (\d+) \+ (\d+)")


@dataclasses.dataclass(frozen=True)
class Completion:
    """A call of block_rq_complete for a request that the driver was given."""

    op: str  # as the agent calls it
    sector: int  # a flush has none
    sectors: int
    takers: dict  # irq -> vCPU that took its last interrupt, at that moment


class Trace:
    """What one disk did, by its number MAJOR:MINOR."""

    def __init__(self, text, disk):
        wanted, taken = disk.replace(":", ","), {}
        self.completions, self.requeues = [], 0
        for cpu, event, rest in LINE.findall(text):
            if event == "irq_handler_entry":
                taken = {**taken, int(re.match(r"irq=(\d+)", rest).group(1)): int(cpu)}
                continue
            number, flags, sector, sectors = REQUEST.match(rest).groups()
            if number != wanted:
                continue
            if event == "block_rq_requeue":
                self.requeues += 1
                continue
            op = {"R": "read", "W": "write", "D": "discard", "F": "flush"}.get(flags[0], "other")
            # An fsync is a write without data that waits for the flush; only the flush reaches the driver.
            if op == "flush" or int(sectors):
                self.completions.append(Completion(op, int(sector), int(sectors), taken))
        kept = re.search(r"entries-in-buffer/entries-written: (\d+)/(\d+)", text)
        if "LOST" in text or not kept or kept.group(1) != kept.group(2):
            raise AssertionError(f"the kernel's trace has lost events: {kept.group(0) if kept else 'it says nothing of them'}")
