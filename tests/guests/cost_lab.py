# SPDX-License-Identifier: Apache-2.0
"""Whether what one queue is said to cost in the guest is the bound that it is called: more queues may not gain more.

    python3 tests/guests/cost_lab.py [--pairs 20] [--seconds 5] [--vcpus 2] [--kernel 6.12]

Boots a guest whose vCPUs run at the same time, with two disks that differ in their number of queues only: one, and one for
each vCPU. QEMU serves both from one thread and stores nothing, so that the host does the same for either. Gives them the
same load in turn, and compares what the doctor said one queue costs at most with what the mean time of a request has
gained. Prints a line for each pair, and the sums, as a Markdown table.
"""

import argparse
import json
import pathlib
import statistics
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parents[1] / "harness"), str(pathlib.Path(__file__).parent)]

import guest as guests
import kernels
import lab
from measure import Job

DEPTHS = (1, 4, 16)  # of each vCPU, in turn


def layout(vcpus):
    def disk(name, queues):
        return guests.Disk(name, f"virtio-blk-pci,num-queues={queues},iothread=io0", queues=queues,
                           backend="driver=null-co,size=256M,read-zeroes=on")

    return guests.Layout(disks=(disk("one", 1), disk("many", vcpus)), cpus=str(vcpus), known_hypervisor=True, parallel=True)


def look(booted, disk, depth, vcpus, seconds):
    """(the share that the layout of queues costs at most, seconds that a request took on average) under this load."""
    name = booted.kernel_name(disk)
    booted.start_fio([Job(disk, cpu, f"--rw=randread --iodepth={depth} --time_based --runtime=600", None)
                      for cpu in range(vcpus)])
    try:
        before = int(booted.guest.read(f"/sys/block/{name}/stat").split()[0])
        booted.guest.wait_for(lambda: int(booted.guest.read(f"/sys/block/{name}/stat").split()[0]) > before + 2000, "the load")
        # By the agent, whose programs are there already: a kernel does not bear it, emulated in parallel, that they are attached.
        text = booted.guest.run(f"vqscope doctor --json --duration={seconds} --device-include '^{name}$' "
                                f"--url http://127.0.0.1:{lab.PORT} 2> /tmp/doctor.log", check=False)
    finally:
        booted.end_fio()
    told = json.loads(text[text.index("{"):])["disks"][0]
    return told.get("queue_cost_ratio"), told["request_time"]["seconds"] / told["request_time"]["requests"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--vcpus", type=int, default=2)
    parser.add_argument("--kernel", choices=kernels.KERNELS, default="6.12")
    arguments = parser.parse_args()
    beyond, unknown, gains = 0, 0, []
    with lab.boot(layout(arguments.vcpus), kernel=arguments.kernel) as booted:
        print("| in flight | one queue costs at most | a request, one queue | a queue for each vCPU | gained |\n"
              "|---:|---:|---:|---:|---:|", flush=True)
        for pair in range(arguments.pairs):
            depth = DEPTHS[pair % len(DEPTHS)]
            outcomes = {disk: look(booted, disk, depth, arguments.vcpus, arguments.seconds)
                        for disk in (("one", "many") if pair % 2 else ("many", "one"))}
            bound, before = outcomes["one"]
            after = outcomes["many"][1]
            gain = 1 - after / before
            gains.append(gain)
            unknown += bound is None
            beyond += bound is not None and gain > bound
            print(f"| {depth * arguments.vcpus} | {'-' if bound is None else f'{100 * bound:.1f} %'} | {before * 1e6:,.0f} us | "
                  f"{after * 1e6:,.0f} us | {100 * gain:.1f} % |", flush=True)
    print(f"\nOf {arguments.pairs} pairs {beyond} gained more than the bound, {unknown} had none; the median gain is "
          f"{100 * statistics.median(gains):.1f} %.")


if __name__ == "__main__":
    main()
