# SPDX-License-Identifier: Apache-2.0
"""The same load on the same guest, whose disk the host sets up in different ways: what `vqscope compare` says of it.

    python3 tests/guests/compare_lab.py [--seconds 15] [--rounds 3] [--kernel 6.12] [--keep DIRECTORY]

Boots a guest for each set-up, records its disk while fio runs on every vCPU, and prints the comparisons with the first
set-up as a Markdown table, then the whole comparison of one queue with four. Several rounds of all set-ups, put
together, keep what else the machine does from favouring one of them. --keep leaves the recordings there. Set TMPDIR to
a file system with O_DIRECT whose disk is otherwise quiet.
"""

import argparse
import base64
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).parents[1] / "harness"), str(pathlib.Path(__file__).parent)]

import guest as guests
import kernels
import vqtest

VCPUS = 4
# Two outstanding requests per job and vCPU: enough to keep every queue busy, too few to run out of tags.
JOB = ("--filename=/dev/vda --rw=randread --bs=4k --direct=1 --ioengine=libaio --iodepth=2 --numjobs={vcpus} "
       "--cpus_allowed=0-{last} --cpus_allowed_policy=split --time_based --runtime={seconds} --group_reporting")


def set_up(queues, aio, iothread=False):
    return guests.Disk("disk", f"virtio-blk-pci,num-queues={queues}{',iothread=io0' if iothread else ''}",
                       queues=queues, backend=f"file={{file}},format=raw,cache=none,aio={aio}")


# By name; the first is what the others are compared with.
SET_UPS = {
    "1 queue, aio=threads": set_up(1, "threads"),
    "1 queue, aio=threads, once more": set_up(1, "threads"),
    "4 queues, aio=threads": set_up(4, "threads"),
    "1 queue, aio=native": set_up(1, "native"),
    "1 queue, aio=io_uring": set_up(1, "io_uring"),
    "1 queue, aio=threads, iothread": set_up(1, "threads", iothread=True),
    "4 queues, aio=io_uring, iothread": set_up(4, "io_uring", iothread=True),
}


def record(name, disk, kernel, initramfs, seconds):
    """Boots a guest with this disk, and returns a recording of it under load."""
    # On a busy machine the emulated timer is late, and the kernel would panic over it.
    layout = guests.Layout(disks=(disk,), cpus=str(VCPUS))
    guest = guests.Guest(layout, kernel, initramfs)
    try:
        # The load runs before the recording begins and after it has ended; a number of requests says that it runs.
        job = JOB.format(vcpus=VCPUS, last=VCPUS - 1, seconds=seconds * 20)
        guest.run(f"fio --name=load {job} > /tmp/fio 2>&1 & echo $! > /tmp/fio.pid")
        guest.wait_for(lambda: int(guest.read("/sys/block/vda/stat").split()[0]) > 2000, "fio to run")
        guest.run(f"vqscope record /tmp/recording --duration {seconds} --note '{name}' --device-include '^vda$' "
                  "--require-probe block --require-probe irq --log.level error")
        guest.run("kill -INT $(cat /tmp/fio.pid)")
        return base64.b64decode(guest.run("base64 /tmp/recording"))
    finally:
        guest.close()


def compare(before, after, *flags):
    """(exit status, output) of vqscope compare."""
    done = subprocess.run([vqtest.AGENT, "compare", before, after, *flags], capture_output=True, text=True)
    if done.returncode not in (0, 1, 3):
        raise AssertionError(f"vqscope compare {before} {after}: exit {done.returncode}: {done.stderr}")
    return done.returncode, done.stdout


def row(name, comparison):
    """A line of the Markdown table."""
    device = comparison["devices"][0]
    numbers, reads = device["numbers"], device["operations"]["read"]

    def change(entry):
        return f"{entry['ratio'] * 100 - 100:+.0f} %"

    return " | ".join(["", name, device["verdict"],
                       f"{numbers['requests_per_second']['after']:,.0f} ({change(numbers['requests_per_second'])})",
                       f"{reads['device_latency_p50']['after'] * 1e3:.2f} ({change(reads['device_latency_p50'])})",
                       f"{reads['device_latency_p99']['after'] * 1e3:.2f} ({change(reads['device_latency_p99'])})",
                       f"{numbers['avgqu_sz']['after']:.1f}",
                       f"{numbers['irq_effective_cpus']['after']:.1f}",
                       f"{numbers['completions_per_interrupt']['after']:.1f}",
                       f"{numbers['notifications_per_request']['after'] or 0:.2f}", ""]).strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kernel", choices=kernels.KERNELS, default="6.12")
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vqscope-compare-") as work:
        directory = arguments.keep or pathlib.Path(work)
        directory.mkdir(parents=True, exist_ok=True)
        kernel = kernels.Kernel(arguments.kernel)
        initramfs = pathlib.Path(work) / "initramfs"
        kernel.build_initramfs(initramfs)
        files = {name: directory / f"{number}.vqr" for number, name in enumerate(SET_UPS)}
        for file in files.values():
            file.write_bytes(b"")
        for each in range(arguments.rounds):
            for name, disk in SET_UPS.items():
                recorded = record(name, disk, kernel, initramfs, arguments.seconds)
                with open(files[name], "ab") as file:  # recordings may be put together
                    file.write(recorded)
                print(f"round {each + 1}: recorded {name}", file=sys.stderr)
        first, *others = files
        print("| set-up | verdict | requests/s | device p50 ms | device p99 ms | avgqu-sz | vCPUs interrupted | "
              "completions per interrupt | notifications per request |")
        print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
        own = json.loads(compare(files[first], files[first], "--json")[1])
        own["devices"][0]["verdict"] = ""
        print(row(first, own))
        for name in others:
            print(row(name, json.loads(compare(files[first], files[name], "--json")[1])))
        print()
        print(compare(files[first], files["4 queues, aio=threads"])[1])


if __name__ == "__main__":
    main()
