# SPDX-License-Identifier: Apache-2.0
"""The guest lab: boots real guests and checks the agent in them against witnesses.

    python3 tests/guests               every scenario on two kernels
    python3 tests/guests --all-kernels on all kernels, in each mode of preemption
    python3 tests/guests --newest      on the newest kernel that Debian has packed, in each mode of preemption
    python3 tests/guests NAME...       these, keeping the logs of those that fail
    python3 tests/guests --list        what there is
    python3 tests/guests --shell NAME  boots the guest of a scenario and leaves you in it, the agent running
"""

import argparse
import concurrent.futures
import os
import pathlib
import sys
import tempfile
import time
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "harness")]

import runner
import scenarios
import vqtest
from kernels import KERNELS, USUAL, Kernel, accelerator
from lab import PORT, Lab, require_tools


class Kernels:
    """Kernels and their initramfs, each made when it is first asked for."""

    def __init__(self, directory):
        self.directory, self.made = pathlib.Path(directory), {}

    def get(self, name, layout):
        """(Kernel, initramfs) of this name with the drivers that the layout needs. Skips what the mirror does not have."""
        kernel = Kernel(name, layout.generic)
        initramfs = self.directory / kernel.version
        if kernel.version not in self.made:
            kernel.build_initramfs(initramfs)
            self.made[kernel.version] = kernel
        return kernel, initramfs


def shell(scenario, kernel, initramfs):
    lab = Lab(scenarios.LAYOUTS[scenario.layout], kernel, initramfs, interactive=True)
    try:
        lab.start_agent()
        greeting = [f"The guest of {scenario.name} on {kernel.name}, with the agent running.",
                    f"Disks: {', '.join(f'{kernel_name} ({name})' for name, kernel_name in lab.names.items())}",
                    f"Metrics: wget -qO - http://127.0.0.1:{PORT}/metrics. Log: /tmp/agent.log.",
                    "'exit' or Ctrl-D ends the guest; Ctrl-A X kills it."]
        lab.guest.run("cat > /tmp/greeting << 'END'\n" + "\n".join(greeting) + "\nEND\nmv /tmp/greeting /tmp/shell")
        lab.guest.process.wait()
    finally:
        lab.close()


def main():
    parser = argparse.ArgumentParser(prog="tests/guests", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--shell", action="store_true", help="boot the guest of a scenario and stay in it")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--kernel", choices=KERNELS, action="append", help="only on this one")
    which.add_argument("--all-kernels", action="store_const", dest="kernel", const=list(KERNELS))
    which.add_argument("--newest", action="store_const", dest="kernel", const=["newest", "newest-full"])
    # A guest waits now and then, for disks to settle and for windows to pass: one more than there are CPUs keeps them busy.
    parser.add_argument("--jobs", type=int, default=min(3, (os.cpu_count() or 1) + 1), help="guests at a time")
    options = parser.parse_args()

    table = scenarios.SCENARIOS
    if options.list:
        for scenario in table:
            print(f"{scenario.name:24} {scenario.layout:12} {scenario.what}")
        return 0
    for name in options.names:
        if name not in {scenario.name for scenario in table}:
            parser.error(f"no scenario is called {name}; --list shows them")
    chosen = [scenario for scenario in table if not options.names or scenario.name in options.names]
    if options.shell and len(options.names) != 1:
        parser.error("--shell needs the name of one scenario")
    try:
        require_tools()
    except unittest.SkipTest as reason:
        print(f"skipped: {reason}")
        return vqtest.SKIPPED

    names, report, start = options.kernel or list(USUAL), runner.Report(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vqscope-lab-") as work:
        kernels = Kernels(work)
        if options.shell:
            try:
                shell(chosen[0], *kernels.get(names[-1], scenarios.LAYOUTS[chosen[0].layout]))
            except unittest.SkipTest as reason:
                print(f"skipped: {reason}")
                return vqtest.SKIPPED
            return 0
        print(f"guests run with {' '.join(accelerator())}", flush=True)
        groups = {}
        for scenario in chosen:
            groups.setdefault(scenario.layout, []).append(scenario)
        longest_first = sorted(groups.items(), key=lambda item: -len(item[1]))
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            runs = []
            for layout, group in longest_first:
                for name in names:
                    try:
                        kernel, initramfs = kernels.get(name, scenarios.LAYOUTS[layout])
                    except unittest.SkipTest as reason:
                        for scenario in group:
                            report.add(scenario.name, name, "skipped", str(reason))
                        continue
                    runs.append(pool.submit(runner.run_guest, layout, group, kernel, initramfs, report,
                                            bool(options.names)))
            for run in runs:
                run.result()
    print(f"{time.monotonic() - start:.0f} s")
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
