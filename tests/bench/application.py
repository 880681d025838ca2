# SPDX-License-Identifier: Apache-2.0
"""What an application feels: fio's IOPS and 99th percentile with nothing, with vqscope and with biolatency, in turn."""

import json
import math
import statistics

import kernel_cost
import vqtest


def fio(path, seconds):
    """(IOPS, p99 in microseconds) of random reads."""
    text = vqtest.run("fio", "--name=felt", f"--filename={path}", "--rw=randread", "--bs=4k", "--direct=1",
                      *kernel_cost.BUSY, "--group_reporting", "--time_based", f"--runtime={seconds}", "--ramp_time=500ms",
                      "--output-format=json")
    read = json.loads(text[text.index("{"):])["jobs"][0]["read"]
    return read["iops"], read["clat_ns"]["percentile"]["99.000000"] / 1000


def median_interval(values):
    """(low, high) between which the median of what these were drawn from lies with 95 %; no distribution is assumed."""
    ordered, n = sorted(values), len(values)
    below, outside = 0, 0.0  # how many values to leave out on either side, and the chance that this misses
    while (outside := outside + math.comb(n, below) / 2 ** (n - 1)) <= 0.05:
        below += 1
    if below == 0:
        return -math.inf, math.inf
    return ordered[below - 1], ordered[-below]


def compare(machine, device, path, rounds, seconds):
    subjects = [None, kernel_cost.agent(machine.agent, device), kernel_cost.biolatency()]
    results = {}
    for turn in range(rounds):
        # The order changes, so that a slow drift of the machine favours nobody.
        for subject in subjects[turn % 3:] + subjects[:turn % 3]:
            process = subject.start() if subject else None
            try:
                results.setdefault(subject.name if subject else "nothing", []).append(fio(path, seconds))
            finally:
                if process:
                    kernel_cost.stop(process)
    base_p99 = statistics.median(p99 for _, p99 in results["nothing"])
    rows = []
    for name in ("nothing", "vqscope", "biolatency -D"):
        iops, p99 = zip(*results[name])
        # Each against its neighbour in time.
        losses = [100 * (1 - with_it / without) for with_it, (without, _) in zip(iops, results["nothing"])]
        low, high = median_interval(losses)
        rows.append({"programs": name, "IOPS": round(statistics.median(iops)),
                     "loss %": f"{statistics.median(losses):.1f}" if name != "nothing" else "-",
                     "with 95 % within": f"{low:.1f} to {high:.1f}" if name != "nothing" else "-",
                     "spread %": f"{100 * (max(iops) - min(iops)) / statistics.median(iops):.0f}",
                     "p99 us": round(statistics.median(p99)),
                     "p99 of nothing": f"{statistics.median(p99) / base_p99:.2f}"})
    return rows


def section(machine):
    device, path = machine.disk()
    # The disk's rate wanders, so that it takes many rounds to tell a per cent.
    yield f"Felt by fio, {device}", compare(machine, device, path, *((1, 1) if machine.quick else (24, 4)))
    device, path = machine.loop()
    yield "Felt by fio, loop device over tmpfs", compare(machine, device, path, *((1, 1) if machine.quick else (9, 4)))
