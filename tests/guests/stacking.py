# SPDX-License-Identifier: Apache-2.0
"""Scenarios with a device over other disks: these are measured, and nothing is counted twice."""

import contextlib
import re

from measure import SHARE, Job, Run


def check_members(lab, above, members, size, mirrored=False):
    """Loads the device `above` of this size, and compares: every request of fio is one request of one of the members, or
    every write one of each where they are `mirrored`, and there is nothing by the name of the device."""
    lab.names[above] = above
    lab.guest.run(f": < /dev/{above}")  # the first to open it has the partition table read
    jobs = [Job(above, None, f"--rw=randrw --iodepth=8 --size={size // 2} --offset={offset}", 301 + offset // SHARE)
            for offset in (0, size // 2)]
    jobs.append(Job(above, None, f"--rw=randwrite --fsync=4 --size={size}", 61))
    run = Run(lab, jobs)
    del lab.names[above]
    for op, number in (("read", 1), ("write", 5)):
        per_member = {member: run.requests(device=lab.kernel_name(member), op=op) for member in members}
        copies = len(members) if mirrored and op == "write" else 1
        run.expect(f"{op} requests of {members} by fio", sum(per_member.values()), copies * run.done(above, op))
        for member, mine in per_member.items():
            name = lab.kernel_name(member)
            # An fsync is one empty write more for the kernel, on each member that is flushed.
            empty = run.requests(device=name, op="flush") if op == "write" else 0
            run.expect(f"{op} requests of {member} by /proc/diskstats", mine + empty, run.stat(name, number))
            run.require(f"no {op} requests of {member}", mine > 0)
            if copies > 1:
                run.expect(f"{op} requests of {member} by fio", mine, run.done(above, op))
        run.expect(f"{op} bytes of {members} by fio", int(sum(
            run.grown("vqscope_request_bytes_total", device=lab.kernel_name(member), op=op) for member in members)),
            copies * run.done_bytes(above, op))
    for member in members:
        run.expect(f"flushes of {member}", run.requests(device=lab.kernel_name(member), op="flush"),
                   run.done(above, "flush"))
        run.check_time(lab.kernel_name(member))
    counted = set(re.findall(r'device="([^"]+)"', run.after.scrape.text))
    run.expect("disks", sorted(counted), sorted(lab.kernel_name(disk.name) for disk in lab.disks()))
    run.raise_problems()


@contextlib.contextmanager
def mapping(lab, table):
    """A device-mapper device with this table, by its kernel name."""
    lab.guest.run(f"echo '{table}' | dmsetup create --noudevsync lab")
    try:
        yield "dm-" + lab.guest.run("dmsetup info -c --noheadings -o minor lab").strip()
    finally:
        lab.guest.run("dmsetup remove --noudevsync lab")


@contextlib.contextmanager
def array(lab, members, options):
    """An array that keeps no record of itself on its members."""
    names = " ".join(f"/dev/{lab.kernel_name(member)}" for member in members)
    lab.guest.run(f"mdadm --build /dev/md0 --raid-devices={len(members)} {options} {names}")
    try:
        yield "md0"
    finally:
        lab.guest.run("mdadm --stop /dev/md0")


def linear(*members):
    def run(lab):
        sectors = 4 * SHARE // 512
        table = "\n".join(f"{part * sectors} {sectors} linear /dev/{lab.kernel_name(member)} 0"
                          for part, member in enumerate(members))
        with mapping(lab, table) as above:
            check_members(lab, above, members, 8 * SHARE)

    return run


def crypt(disk):
    """Threads of the kernel encrypt, and submit writes in place of fio's."""

    def run(lab):
        size = 4 * SHARE
        with mapping(lab, f"0 {size // 512} crypt aes-xts-plain64 {'0f' * 64} 0 /dev/{lab.kernel_name(disk)} 0") as above:
            check_members(lab, above, (disk,), size)

    return run


def raid0(*members):
    def run(lab):
        with array(lab, members, "--level=0 --chunk=64") as above:
            check_members(lab, above, members, 8 * SHARE)

    return run


def raid1(*members):
    def run(lab):
        with array(lab, members, "--level=1 --assume-clean") as above:
            check_members(lab, above, members, 4 * SHARE, mirrored=True)

    return run
