# SPDX-License-Identifier: Apache-2.0
"""How often `vqscope compare` is right, on real pairs of recordings of this machine's disk.

    verdicts.py --record DIR [--seconds N] [NAME...]   three recordings of each experiment: the base twice, then the change
    verdicts.py --judge DIR                            what compare says of them, as Markdown tables

fio, which no one here wrote, is the witness: its requests per second and mean latency of each recording stand in
DIR/pairs.json. DIR is on the disk that is measured.

Two recordings of the base are right with `no difference`, and wrong with `better` or `worse`, whatever fio says. A
setting is right with what fio says of requests and latency, and wrong with the contrary, or with `better` or `worse`
where fio's numbers differ by less than 5 %. Another load is right with `not comparable` only. Everything else is a
verdict that was not given.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import subprocess
import sys
import threading
import time

SIZE = 8 << 30
VQSCOPE = os.environ.get("VQSCOPE", "build/release/vqscope")


class Side:
    """One set-up: fio's options, the disk's settings, and what else runs."""

    def __init__(self, *fio, beside=(), hog=None, **queue):
        self.fio, self.beside, self.hog, self.queue = fio, beside, hog, queue


def read(depth, *more, bs="4k", rw="randread"):
    return (f"--rw={rw}", f"--bs={bs}", "--direct=1", f"--iodepth={depth}", *more)


ON0, ON1 = "--cpus_allowed=0", "--cpus_allowed=1"
BOTH = ("--numjobs=2", "--cpus_allowed=0,1", "--cpus_allowed_policy=split")
SEQ = ("--rw=read", "--bs=128k", "--direct=0", "--ioengine=psync")
WRITE = ("--rw=randwrite", "--bs=4k", "--direct=1", "--iodepth=8")

# name: (kind, base, change). "setting": the same load on another set-up; "load": another load.
EXPERIMENTS = {
    "elevator none, 2 jobs, depth 16": ("setting", Side(*read(16, *BOTH)), Side(*read(16, *BOTH), scheduler="none")),
    "elevator bfq, 2 jobs, depth 16": ("setting", Side(*read(16, *BOTH)), Side(*read(16, *BOTH), scheduler="bfq")),
    "elevator kyber, depth 4": ("setting", Side(*read(4)), Side(*read(4), scheduler="kyber")),
    "nr_requests 8, depth 32": ("setting", Side(*read(32)), Side(*read(32), nr_requests="8")),
    "depth 1 to the interrupt's vCPU": ("setting", Side(*read(1, ON0)), Side(*read(1, ON1))),
    "depth 16 to the interrupt's vCPU": ("setting", Side(*read(16, ON0)), Side(*read(16, ON1))),
    "read_ahead_kb 128 to 4096, sequential": ("setting", Side(*SEQ, read_ahead_kb="128"), Side(*SEQ, read_ahead_kb="4096")),
    "max_sectors_kb 128, 1 MiB reads, depth 4": ("setting", Side(*read(4, bs="1m", rw="read")),
                                                 Side(*read(4, bs="1m", rw="read"), max_sectors_kb="128")),
    "wbt off, direct writes, depth 8": ("setting", Side(*WRITE), Side(*WRITE, wbt_lat_usec="0")),
    "rq_affinity 2, depth 8 on vCPU 0": ("setting", Side(*read(8, ON0)), Side(*read(8, ON0), rq_affinity="2")),
    "another task on the vCPU, depth 4": ("load", Side(*read(4, ON0)), Side(*read(4, ON0), hog="0")),
    "elevator bfq, 2 jobs of 4,000/s": ("setting", Side(*read(4, *BOTH, "--rate_iops=4000")),
                                        Side(*read(4, *BOTH, "--rate_iops=4000"), scheduler="bfq")),
    "6,000/s to the interrupt's vCPU": ("setting", Side(*read(4, ON0, "--rate_iops=6000")),
                                        Side(*read(4, ON1, "--rate_iops=6000"))),
    "depth 4 to 16": ("load", Side(*read(4)), Side(*read(16))),
    "depth 1 to 2": ("load", Side(*read(1)), Side(*read(2))),
    "block size 4k to 16k, depth 8": ("load", Side(*read(8)), Side(*read(8, bs="16k"))),
    "1 job to 2 jobs, depth 8": ("load", Side(*read(8)), Side(*read(8, *BOTH))),
    "another reader beside it, depth 4": ("load", Side(*read(4)), Side(*read(4), beside=read(8))),
    "4,000/s to 8,000/s": ("load", Side(*read(8, "--rate_iops=4000")), Side(*read(8, "--rate_iops=8000"))),
    "a sequential reader beside it, depth 4": ("load", Side(*read(4)), Side(*read(4), beside=SEQ)),
}


@contextlib.contextmanager
def queue_settings(disk, settings):
    folder, before = pathlib.Path(f"/sys/block/{disk}/queue"), {}
    try:
        for name, value in settings.items():
            text = (folder / name).read_text().strip()
            before[name] = text[text.index("[") + 1:text.index("]")] if "[" in text else text
            (folder / name).write_text(value)
        yield
    finally:
        for name, value in reversed(before.items()):
            (folder / name).write_text(value)


def fio(folder, options, seconds):
    engine = () if any(option.startswith("--ioengine") for option in options) else ("--ioengine=io_uring",)
    return subprocess.Popen(
        ["fio", "--name=pair", f"--filename={folder}/data", f"--size={SIZE}", *engine, *options, "--group_reporting",
         "--time_based", "--norandommap", "--randrepeat=0", f"--runtime={seconds}", "--output-format=json"],
        stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def forgotten(file):
    """Takes the file out of the page cache again and again, so that a buffered reader reads the disk."""
    stop = threading.Event()

    def forget():
        with open(file, "rb") as data:
            while not stop.wait(1):
                os.posix_fadvise(data.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    thread = threading.Thread(target=forget)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def completed(disk):
    words = pathlib.Path(f"/sys/block/{disk}/stat").read_text().split()
    return int(words[0]) + int(words[4])


def result_of(process):
    text = process.communicate()[0]
    if process.returncode != 0:
        raise SystemExit(f"fio ended with {process.returncode}")
    job = json.loads(text[text.index("{"):])["jobs"][0]
    sides = [job[way] for way in ("read", "write")]
    total = sum(side["total_ios"] for side in sides)
    return {"iops": sum(side["iops"] for side in sides),
            "bytes_per_second": sum(side["bw_bytes"] for side in sides),
            "latency_us": sum(side["lat_ns"]["mean"] * side["total_ios"] for side in sides) / max(total, 1) / 1000}


def record(folder, disk, side, file, seconds):
    running = []
    with queue_settings(disk, side.queue), forgotten(folder / "data"):
        begin = completed(disk)
        try:
            if side.hog is not None:
                running.append(subprocess.Popen(["taskset", "-c", side.hog, "sh", "-c", "while :; do :; done"]))
            main = fio(folder, side.fio, seconds + 3)
            if side.beside:
                running.append(fio(folder, side.beside, seconds + 3))
            while completed(disk) < begin + 1000:
                if main.poll() is not None:
                    raise SystemExit(f"fio ended with {main.returncode}")
                time.sleep(0.05)
            subprocess.run([VQSCOPE, "record", str(folder / file), "--duration", str(seconds + 1), "--device-include", f"^{disk}$",
                            "--log.level", "error"], check=True)
            return result_of(main)
        finally:
            for process in running:
                process.kill()
                process.wait()


def record_all(folder, disk, seconds, names):
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "data", "wb") as data:  # real blocks, or the file system reads nothing
        for _ in range(SIZE >> 20):
            data.write(os.urandom(1 << 20))
        os.fsync(data.fileno())
    file = folder / "pairs.json"
    pairs = json.loads(file.read_text()) if file.exists() else []
    for number, (name, (kind, base, change)) in enumerate(EXPERIMENTS.items()):
        if names and name not in names:
            continue
        sides = [("base", base), ("again", base), ("changed", change)]
        files = {word: f"{number:02}-{word}.vqr" for word, _ in sides}
        for old in files.values():
            (folder / old).unlink(missing_ok=True)
        witness = {word: record(folder, disk, side, files[word], seconds) for word, side in sides}
        pairs = [p for p in pairs if p["name"] != name] + [{"name": name, "kind": kind, "files": files, "witness": witness}]
        file.write_text(json.dumps(pairs, indent=1))
        print(name, {word: f"{w['iops']:.0f}/s {w['latency_us']:.1f} us" for word, w in witness.items()}, flush=True)
    (folder / "data").unlink()


def verdict_of(before, after):
    """What compare says of the one disk of two recordings, and why."""
    done = subprocess.run([VQSCOPE, "compare", before, after, "--json"], capture_output=True, text=True)
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"vqscope compare {before} {after}: exit {done.returncode}: {done.stderr}")
    device = json.loads(done.stdout)["devices"][0]
    return device["verdict"], device["reason"]


# As compare does: smaller changes do not count.
MIN_EFFECT = 0.05


def truth_by(before, after):
    """What fio's numbers say: better, worse or no difference; of a load that is limited in rate, latency says it."""
    changes = (after["iops"] / before["iops"], before["latency_us"] / after["latency_us"])
    change = max(changes, key=lambda each: abs(math.log(each)))
    return "no difference" if abs(math.log(change)) < math.log1p(MIN_EFFECT) else "better" if change > 1 else "worse"


def assess(kind, verdict, truth):
    """right, wrong, or a verdict that was not given."""
    if kind == "load":
        return "right" if verdict == "not comparable" else "wrong" if verdict in ("better", "worse") else "not seen"
    if kind == "none":
        return "wrong" if verdict in ("better", "worse") else "right" if verdict == "no difference" else "not given"
    if verdict == truth:
        return "right"
    return "wrong" if verdict in ("better", "worse") else "not given" if verdict == "not comparable" else "not seen"


# What is compared with what, and whether that is a pair without a change.
PAIRS = (("base", "again", True), ("base", "changed", False), ("again", "changed", False))


def judge_all(folder):
    totals = {}
    print("| experiment | pair | requests/s by fio | latency by fio | verdict | |\n|---|---|---:|---:|---|---|")
    reasons = []
    for pair in json.loads((folder / "pairs.json").read_text()):
        for before, after, same in PAIRS:
            kind = "none" if same else pair["kind"]
            a, b = pair["witness"][before], pair["witness"][after]
            verdict, reason = verdict_of(folder / pair["files"][before], folder / pair["files"][after])
            outcome = assess(kind, verdict, truth_by(a, b))
            row = totals.setdefault(kind, {})
            row[outcome] = row.get(outcome, 0) + 1
            print(f"| {pair['name']} | {before}, {after} | {b['iops'] / a['iops'] * 100 - 100:+.0f} % | "
                  f"{b['latency_us'] / a['latency_us'] * 100 - 100:+.0f} % | {verdict} | {outcome} |", flush=True)
            reasons.append(f"{pair['name']}, {before}, {after}: {verdict}: {reason}")
    outcomes = ("right", "not given", "not seen", "wrong")
    print("\n| change | " + " | ".join(outcomes) + " |\n|---|" + "---:|" * len(outcomes))
    for kind, row in totals.items():
        print(f"| {kind} | " + " | ".join(str(row.get(outcome, 0)) for outcome in outcomes) + " |")
    print("\n" + "\n".join(reasons), file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--record", type=pathlib.Path, metavar="DIR")
    what.add_argument("--judge", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--disk", default="vda")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    if options.judge:
        judge_all(options.judge)
    else:
        record_all(options.record, options.disk, options.seconds, options.names)
    return 0


if __name__ == "__main__":
    sys.exit(main())
