# SPDX-License-Identifier: Apache-2.0
"""Scenarios with a device over two disks: the disks are measured, and nothing is counted twice."""

import re

from measure import SHARE, Job, Run


def check_members(lab, above, members):
    """Loads the device `above`, and compares: every request of fio is one request of one of the members, and there is
    nothing by the name of the device."""
    lab.names[above] = above
    lab.guest.run(f": < /dev/{above}")  # the first to open it has the partition table read
    jobs = [Job(above, None, f"--rw=randrw --iodepth=8 --size={4 * SHARE} --offset={offset}", 301 + offset // SHARE)
            for offset in (0, 4 * SHARE)]
    jobs.append(Job(above, None, f"--rw=randwrite --fsync=4 --size={8 * SHARE}", 61))
    run = Run(lab, jobs)
    del lab.names[above]
    for op, number in (("read", 1), ("write", 5)):
        per_member = {member: run.requests(device=lab.kernel_name(member), op=op) for member in members}
        run.expect(f"{op} requests of {members} by fio", sum(per_member.values()), run.done(above, op))
        for member, mine in per_member.items():
            name = lab.kernel_name(member)
            # An fsync is one empty write more for the kernel, on each member that is flushed.
            empty = run.requests(device=name, op="flush") if op == "write" else 0
            run.expect(f"{op} requests of {member} by /proc/diskstats", mine + empty, run.stat(name, number))
            run.require(f"no {op} requests of {member}", mine > 0)
        run.expect(f"{op} bytes of {members} by fio", int(sum(
            run.grown("vqscope_request_bytes_total", device=lab.kernel_name(member), op=op) for member in members)),
            run.done_bytes(above, op))
    for member in members:
        run.expect(f"flushes of {member}", run.requests(device=lab.kernel_name(member), op="flush"),
                   run.done(above, "flush"))
        run.check_time(lab.kernel_name(member))
    counted = set(re.findall(r'device="([^"]+)"', run.after.scrape.text))
    run.expect("disks", sorted(counted), sorted(lab.kernel_name(disk.name) for disk in lab.disks()))
    run.raise_problems()


def linear(first, second):
    def run(lab):
        names = [lab.kernel_name(first), lab.kernel_name(second)]
        sectors = 4 * SHARE // 512
        table = "\n".join(f"{part * sectors} {sectors} linear /dev/{name} 0" for part, name in enumerate(names))
        lab.guest.run(f"echo '{table}' | dmsetup create --noudevsync lab")
        try:
            above = "dm-" + lab.guest.run("dmsetup info -c --noheadings -o minor lab").strip()
            check_members(lab, above, (first, second))
        finally:
            lab.guest.run("dmsetup remove --noudevsync lab")

    return run


def raid0(first, second):
    def run(lab):
        names = " ".join(f"/dev/{lab.kernel_name(member)}" for member in (first, second))
        lab.guest.run(f"mdadm --build /dev/md0 --level=0 --chunk=64 --raid-devices=2 {names}")
        try:
            check_members(lab, "md0", (first, second))
        finally:
            lab.guest.run("mdadm --stop /dev/md0")

    return run
