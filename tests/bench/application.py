# SPDX-License-Identifier: Apache-2.0
"""What an application feels: fio's IOPS and 99th percentile with nothing, with vqscope and with biolatency, in turn."""

import json
import statistics

import kernel_cost
import vqtest


def fio(path, seconds):
    """(IOPS, p99 in microseconds) of random reads."""
    text = vqtest.run("fio", "--name=felt", f"--filename={path}", "--rw=randread", "--bs=4k", "--direct=1",
                      "--ioengine=io_uring", "--iodepth=16", "--numjobs=2", "--group_reporting", "--time_based",
                      f"--runtime={seconds}", "--output-format=json")
    read = json.loads(text[text.index("{"):])["jobs"][0]["read"]
    return read["iops"], read["clat_ns"]["percentile"]["99.000000"] / 1000


def compare(machine, device, path):
    rounds, seconds = (1, 1) if machine.quick else (5, 4)
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
        loss = statistics.median(1 - with_it / without for with_it, (without, _) in zip(iops, results["nothing"]))
        rows.append({"programs": name, "IOPS": round(statistics.median(iops)),
                     "loss %": f"{100 * loss:.1f}" if name != "nothing" else "-",
                     "spread %": f"{100 * (max(iops) - min(iops)) / statistics.median(iops):.0f}",
                     "p99 us": round(statistics.median(p99)),
                     "p99 of nothing": f"{statistics.median(p99) / base_p99:.2f}"})
    return rows


def section(machine):
    device, path = machine.disk()
    yield f"Felt by fio, {device}", compare(machine, device, path)
    device, path = machine.loop()
    yield "Felt by fio, loop device over tmpfs", compare(machine, device, path)
