#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What vqscope costs, measured on this machine: a table, and a JSON file.

    tests/run.sh bench [--quick] [--json FILE] [SECTION...]

Sections: kernel locks application scrape daemon burst (default: all). --quick runs each for about a second, to see that it
works. Needs root, and a machine that has nothing else to do; README.md in this folder says how each figure is made.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import sys
import tempfile
import unittest

import application
import burst
import daemon_cost
import kernel_cost
import lock_cost
import scrape_cost
import vqtest

SECTIONS = {
    "kernel": kernel_cost.section,
    "locks": lock_cost.section,
    "application": application.section,
    "scrape": scrape_cost.section,
    "daemon": daemon_cost.section,
    "burst": burst.section,
}


class Machine:
    """What the sections measure on, and how long."""

    def __init__(self, arguments, case):
        self.quick = arguments.quick
        self.case = case  # its addCleanup() undoes what the harness sets up
        self.agent = vqtest.AGENT
        self.floor = str(pathlib.Path(self.agent).parent / "tests/bench/vqscope_floor")
        self.storm = str(pathlib.Path(self.agent).parent / "tests/bench/vqscope_lock_storm")
        self.scrape_bench = str(pathlib.Path(self.agent).parent / "tests/bench/vqscope_scrape_bench")

    def disk(self):
        """(kernel name, a file of 1 GiB on it)."""
        name = vqtest.root_disk()
        handle, path = tempfile.mkstemp(prefix="vqscope-bench-", dir=".")
        os.close(handle)
        self.case.addCleanup(os.unlink, path)
        vqtest.run("fio", "--name=prepare", f"--filename={path}", "--size=64m" if self.quick else "--size=1g",
                   "--rw=write", "--bs=1m", "--end_fsync=1", "--output=/dev/null")
        return name, os.path.abspath(path)

    def loop(self):
        loop = vqtest.Loop(self.case, megabytes=64 if self.quick else 1024)
        return loop.name, loop.path


def facts():
    cpu = [line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
           if line.startswith("model name")]
    return {"date": datetime.date.today().isoformat(), "kernel": platform.release(), "cpu": cpu[0] if cpu else "unknown",
            "cpus": os.cpu_count(), "load_average_at_start": os.getloadavg()[0]}


def print_table(title, rows):
    print(f"\n## {title}\n")
    if not rows:
        return
    heads = list(rows[0])
    cells = [heads] + [[str(row.get(head, "")) for head in heads] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(heads))]
    for n, line in enumerate(cells):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
        if n == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(prog="tests/run.sh bench", description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="about a second each: does it work?")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    vqtest.require_root()
    vqtest.require("fio", "bpftool", "losetup")
    result = {"machine": facts(), "tables": {}}
    print(json.dumps(result["machine"]))
    case = unittest.TestCase()
    try:
        machine = Machine(arguments, case)
        for name in arguments.sections or SECTIONS:
            for title, rows in SECTIONS[name](machine):
                result["tables"][title] = rows
                print_table(title, rows)
    finally:
        case.doCleanups()
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except unittest.SkipTest as skipped:
        print(f"skipped: {skipped}")
        sys.exit(vqtest.SKIPPED)
