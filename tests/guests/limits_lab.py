# SPDX-License-Identifier: Apache-2.0
"""How often the doctor finds a limit that QEMU sets on a disk, and what it says where none is reached.

    python3 tests/guests/limits_lab.py [--seconds 10] [--kernel 6.12] [--only TEXT]

Boots one guest, holds its disk to eight limits with one to 64 requests in flight, gives it loads that reach none, and
lets it run to its own end. Prints a line for each run, and the sums, as Markdown tables. A limit counts as reached from
97 % of it on, and as not reached up to 80 %.
"""

import argparse
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parents[1] / "harness"), str(pathlib.Path(__file__).parent)]

import guest as guests
import kernels
import lab
from limits import MIB, SIZES, SMALL, Cap, jobs, look

CAPS = (Cap(iops=100), Cap(iops=500), Cap(iops=2000), Cap(iops=400, burst=2000, burst_seconds=2),
        Cap(bps=2 * MIB), Cap(bps=10 * MIB), Cap(bps=30 * MIB), Cap(bps=5 * MIB, burst=20 * MIB, burst_seconds=2))
DEPTHS = (1, 2, 4, 8, 16, 32, 64)
DISK = "disk"


def runs():
    """(what, Cap, requests in flight, fio's options)"""
    for cap in CAPS:
        for number, depth in enumerate(DEPTHS):
            yield "limit", cap, depth, SIZES if number % 2 else SMALL
    for depth in (1, 8):
        for options in (SMALL, SIZES):
            yield "rate of its own", Cap(iops=2000), depth, f"{options} --rate_iops={max(200 // min(depth, 4), 1)}"
            yield "far limit", Cap(iops=200_000), depth, options
    for depth in DEPTHS:
        yield "no limit", Cap(), depth, SIZES if depth % 3 else SMALL
        yield "no limit", Cap(), depth, SMALL


def row(what, cap, depth, options, outcome):
    found = outcome.finding()
    numbers = found["numbers"] if found else {}
    error = outcome.error(cap)
    limit = "limit_" if numbers.get("seen") else ""
    requests, moved = numbers.get(f"{limit}requests_per_second"), numbers.get(f"{limit}bytes_per_second")
    told = [text for text in (requests and f"{requests:,.0f}/s", moved and f"{moved / MIB:.3g} MiB/s") if text]
    return " | ".join(["", what, str(cap), str(depth), "mixed" if "bssplit" in options else "4 KiB",
                       f"{outcome.requests_rate:,.0f}", f"{outcome.bytes_rate / MIB:.3g}",
                       f"{100 * outcome.share(cap):.0f} %" if outcome.share(cap) else "-",
                       " or ".join(told) or "-", f"{100 * error:.1f} %" if error is not None else "-",
                       "seen" if numbers.get("seen") else "in line" if found else "-",
                       "yes" if numbers.get("looks_set") else "no" if found else "-", ""]).strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--kernel", choices=kernels.KERNELS, default="6.12")
    parser.add_argument("--only", default="", help="runs whose line begins with this")
    arguments = parser.parse_args()
    reached = right = not_reached = wrong = free = called_set = 0
    layout = guests.Layout(disks=(guests.Disk(DISK, "virtio-blk-pci,num-queues=4,iothread=io0", queues=4),))
    with lab.boot(layout, kernel=arguments.kernel) as booted:
        booted.end_agent()
        print("| run | limit | in flight | size | requests/s | MiB/s | of the limit | told | off by | how | looks set |\n"
              "|---|---|---:|---|---:|---:|---:|---|---:|---|---|", flush=True)
        for what, cap, depth, options in runs():
            if not what.startswith(arguments.only):
                continue
            outcome = look(booted, DISK, cap, jobs(DISK, depth, options), arguments.seconds)
            print(row(what, cap, depth, options, outcome), flush=True)
            found, error = outcome.finding(), outcome.error(cap)
            if outcome.share(cap) >= 0.97:
                reached += 1
                right += error is not None and error <= 0.05
            elif what == "no limit":
                free += 1
                called_set += bool(found and found["numbers"]["looks_set"])
            elif outcome.share(cap) <= 0.8:
                not_reached += 1
                wrong += found is not None
    print(f"\n| | runs | |\n|---|---:|---|\n| limit reached | {reached} | {right} found, within 5 % |\n"
          f"| limit not reached | {not_reached} | {wrong} found |\n| no limit | {free} | {called_set} called one that is set |")


if __name__ == "__main__":
    main()
