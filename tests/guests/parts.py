# SPDX-License-Identifier: Apache-2.0
"""How long completions are under way in the guest, from the handler of their interrupt on, against the kernel's own trace
events at the same places."""

import collections
import re

from measure import SHARE, Job

INSTANCE = "/sys/kernel/tracing/instances/parts"
# Seconds that an emulated vCPU is at a traced event at the most, which lie before or after what the agent reads there.
TRACED = 15e-6
EVENTS = ("irq/irq_handler_entry", "block/block_rq_issue", "block/block_rq_complete")
LINE = re.compile(r"\[\d+\] .*? (\d+)\.(\d{6}): (irq_handler_entry|block_rq_issue|block_rq_complete): (.*)")
IRQ = re.compile(r"irq=(\d+)")
REQUEST = re.compile(r"(\d+,\d+) .*?\) (\d+) \+ \d+")


def delays(text, number, line_of):
    """(completions, their sum of seconds since the later of the request's issue and the entry of the handler of its queue's
    line) in a trace, of the disk with this MAJOR:MINOR; `line_of` tells the line by the request's sector."""
    entered, issued, count, seconds = {}, {}, 0, 0
    for whole, micro, event, rest in LINE.findall(text):
        at = int(whole) + int(micro) / 1e6
        if event == "irq_handler_entry":
            entered[int(IRQ.match(rest).group(1))] = at
            continue
        disk, sector = REQUEST.match(rest).groups()
        if disk != number.replace(":", ","):
            continue
        if event == "block_rq_issue":
            issued[sector] = at
        elif sector in issued:
            seconds += at - max(issued.pop(sector), entered[line_of(int(sector))])
            count += 1
    return count, seconds


def under_way(*disks):
    """As many completions as the kernel traces, and the same time in sum but for what the trace itself takes."""

    def check(lab, disk):
        name = lab.kernel_name(disk)
        number = lab.guest.read(f"/sys/block/{name}/dev").strip()
        queues = lab.guest.run(f"cd /sys/block/{name}/mq; grep -H . */cpu_list").splitlines()
        queue_of = {cpu: int(line.split("/")[0]) for line in queues for cpu in map(int, line.split(":")[1].split(","))}
        # Random sectors may meet; no two requests of a sequential job do while they are in flight.
        load = [Job(disk, cpu, "--rw=read --iodepth=4", 801) for cpu in range(4)]
        lab.fio(load)  # lines that were never used are not exported
        lines = {int(labels["queue"]): int(labels["irq"]) for labels, _ in
                 lab.scrape().all("vqscope_irq_interrupts_total", device=name)}
        lab.guest.run(f"cd {INSTANCE}; echo > trace; echo 1 > tracing_on")
        before = lab.scrape()
        lab.fio(load)
        after = lab.scrape()
        text = lab.guest.run(f"cd {INSTANCE}; echo 0 > tracing_on; cat trace")
        count, seconds = delays(text, number, lambda sector: lines[queue_of[sector * 512 // SHARE]])

        def grown(metric):
            return after.sum(metric, device=name) - before.sum(metric, device=name)

        mine, told = grown("vqscope_completion_delay_seconds_total"), int(grown("vqscope_queue_completions_total"))
        if told != count:
            raise AssertionError(f"{disk}: vqscope has {told} completions, the kernel's trace {count}")
        figures = f"{disk}: {1e6 * mine / count:.1f} us, in the kernel's trace {1e6 * seconds / count:.1f} us, of {count}"
        if abs(mine - seconds) > 0.01 * seconds + TRACED * count:
            raise AssertionError(figures)
        return figures

    def run(lab):
        lab.guest.run(f"mkdir {INSTANCE} && cd {INSTANCE} && echo 0 > tracing_on && echo 4096 > buffer_size_kb && "
                      f"echo mono > trace_clock && for event in {' '.join(EVENTS)}; do echo 1 > events/$event/enable; done")
        try:
            return "; ".join(check(lab, disk) for disk in disks)
        finally:
            lab.guest.run(f"rmdir {INSTANCE}")

    return run
