# SPDX-License-Identifier: Apache-2.0
"""Time in BPF programs per event, from the kernel's own run_time_ns and run_cnt.

Subjects are measured in turn, several rounds under one load, so that a change of the machine hits all of them alike.
"""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import time

import vqtest

STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")

# The programs of each event, ours, the reference's and biolatency's.
EVENTS = {
    "issue": {"empty_issue", "clock_issue", "least_issue", "rq_issue", "rq_issue2", "rq_issue3", "rq_issue4",
              "block_rq_issue_btf"},
    "complete": {"empty_complete", "clock_complete", "least_complete", "rq_complete", "rq_complete2", "block_rq_complete_btf"},
    "entry": {"empty_entry", "clock_entry", "least_entry", "irq_entry"},
    "exit": {"empty_exit", "clock_exit", "least_exit", "irq_exit"},
}
SOFTIRQS = {"softirq entry": {"softirq_entry"}, "softirq exit": {"softirq_exit"}}
LOCKS = {"begin": {"bare_begin", "lock_begin"}, "end": {"bare_end", "lock_end"}}


@dataclasses.dataclass
class Subject:
    """Something that attaches programs: `start` returns a running process, attached."""
    name: str
    start: callable
    settle: float = 0  # seconds from the start until it works as it will go on to


class Statistics:
    """Turns the kernel's run statistics on while entered."""

    def __enter__(self):
        self.before = STATS.read_text()
        STATS.write_text("1")

    def __exit__(self, *_):
        STATS.write_text(self.before)


def programs(pid):
    """Programs that the process holds: id -> (name, run_time_ns, run_cnt)."""
    ids = set()
    for entry in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            text = entry.read_text()
        except FileNotFoundError:  # a program that is still starting opens and closes files
            continue
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        if "prog_id" in fields:
            ids.add(int(fields["prog_id"]))
    shown = {p["id"]: p for p in json.loads(vqtest.run("bpftool", "--json", "prog", "show"))}
    return {i: (shown[i].get("name", ""), shown[i].get("run_time_ns", 0), shown[i].get("run_cnt", 0)) for i in ids
            if i in shown}


def measure(process, seconds):
    """event -> (ns per event, events, seconds) over some seconds of a subject's life."""
    before = programs(process.pid)
    time.sleep(seconds)  # the length of the sample
    after = programs(process.pid)
    result = {}
    for event, names in {**EVENTS, **SOFTIRQS, **LOCKS}.items():
        times = runs = 0
        for i, (name, run_time, run_count) in after.items():
            if name in names and i in before:
                times += run_time - before[i][1]
                runs = max(runs, run_count - before[i][2])  # several programs may run at one event
        if runs:
            result[event] = (times / runs, runs, seconds)
    return result


def stop(process):
    if process.stdin:
        process.stdin.close()
    else:
        process.terminate()
    process.wait(20)


def alternate(subjects, rounds, seconds):
    """subject -> event -> list of (ns per run, runs, seconds)."""
    results = {subject.name: {} for subject in subjects}
    with Statistics():
        for _ in range(rounds):
            for subject in subjects:
                process = subject.start()
                try:
                    time.sleep(subject.settle)
                    for event, sample in measure(process, seconds).items():
                        results[subject.name].setdefault(event, []).append(sample)
                finally:
                    stop(process)
    return results


def medians(results):
    """subject -> event -> median ns per run."""
    return {name: {event: statistics.median(ns for ns, *_ in samples) for event, samples in events.items()}
            for name, events in results.items()}


def floor(binary, kind):
    def start():
        process = subprocess.Popen([binary, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if process.stdout.readline() != "attached\n":
            raise AssertionError(f"{binary} {kind} did not attach")
        return process

    return Subject(kind, start)


def agent(binary, device, name="vqscope"):
    def start():
        process = subprocess.Popen([binary, "serve", "--web.listen-address=127.0.0.1:0", "--require-probe=block",
                                    f"--device-include=^{device}$"], stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if "serves http" in line:
                return process
        raise AssertionError(f"{binary} did not start")

    return Subject(name, start, settle=2.5)  # it learns within two seconds which CPU takes a queue's interrupts


def biolatency():
    """libbpf-tools' biolatency with a histogram for each disk, as Debian packages it."""

    def start():
        # Its own interval is longer than the sample, so that it reads nothing while it is measured.
        process = subprocess.Popen(["/usr/sbin/biolatency", "-D", "3600"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        vqtest.wait_for(lambda: sum(name in EVENTS["issue"] | EVENTS["complete"]
                                    for name, *_ in programs(process.pid).values()) >= 2, "biolatency to attach", 20)
        return process

    return Subject("biolatency -D", start)


# Two jobs of depth 16, as fast as the disk goes; each on a vCPU of its own, because where the scheduler puts them changes
# every figure.
CPUS = ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0))[:2])
BUSY = ["--ioengine=io_uring", "--iodepth=16", "--numjobs=2", f"--cpus_allowed={CPUS}", "--cpus_allowed_policy=split"]
# What one request finds in the caches depends on how long ago the last one was.
LOADS = {
    "as fast as it goes": BUSY,
    "50,000 requests per second": [*BUSY, "--rate_iops=25000"],
    "one request at a time": ["--ioengine=psync"],
}


class Load:
    """fio on a file or device until stopped: random reads of 4 KiB."""

    def __init__(self, path, options=BUSY):
        self.process = subprocess.Popen(
            ["fio", "--name=load", f"--filename={path}", "--rw=randread", "--bs=4k", "--direct=1", *options,
             "--time_based", "--runtime=86400"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


def rows(results):
    """Table of medians, gross, and net of the empty programs."""
    shown = medians(results)

    def net(name, first, second):
        events = shown[name]
        if first not in events:
            return None
        return sum(events[e] - shown["empty"][e] for e in (first, second))

    reference = net("clock", "issue", "complete"), net("clock", "entry", "exit")
    table = []
    for name, events in shown.items():
        softirqs = [sample for event in SOFTIRQS for sample in results[name].get(event, [])]
        request, interrupt = net(name, "issue", "complete"), net(name, "entry", "exit")
        table.append({
            "programs": name,
            **{f"{event} ns": round(events[event]) if event in events else "-" for event in EVENTS},
            "request net ns": round(request),
            "of two clocks": f"{request / reference[0]:.2f}" if reference[0] > 0 else "-",
            "interrupt net ns": round(interrupt) if interrupt is not None else "-",
            "irq of two clocks": f"{interrupt / reference[1]:.2f}" if interrupt is not None and reference[1] > 0 else "-",
            "softirqs ns/s": round(statistics.median(ns * runs / seconds for ns, runs, seconds in softirqs) * len(SOFTIRQS))
            if softirqs else "-",
            "requests/s": round(statistics.median(runs / seconds for _, runs, seconds in results[name]["issue"])),
        })
    return table


def section(machine):
    """Per request and per interrupt, against the reference programs and biolatency, on the disk."""
    device, path = machine.disk()
    subjects = [floor(machine.floor, "empty"), floor(machine.floor, "clock"), floor(machine.floor, "least"),
                agent(machine.agent, device), biolatency()]
    rounds, seconds = (1, 0.5) if machine.quick else (7, 2)
    for name, options in LOADS.items():
        with Load(path, options):
            yield f"Time in BPF programs, {device}, {name}", rows(alternate(subjects, rounds, seconds))
