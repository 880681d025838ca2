# SPDX-License-Identifier: Apache-2.0
"""Scenarios that are a load and nothing else: each function returns what a scenario does with its Lab."""

import unittest

from guest import Disk
from measure import Job, Run, everywhere

FLUSHES = "--rw=randwrite --fsync=3"
TRIMS = "--rw=randtrim"


def polled(lab, disk):
    """Whether QEMU may look for requests without being notified: an I/O thread does."""
    return any("iothread" in other.device for other in lab.disks() if other.name == disk)


def load_from_every_vcpu(disk, trims=True):
    """Reads, writes, flushes and discards from each vCPU, then one read at a time from one of them."""

    def run(lab):
        jobs = everywhere(disk)
        jobs += [Job(disk, 1, FLUSHES, 61)]
        if trims:
            jobs += [Job(disk, 2, TRIMS, 23)]
        lab.run(jobs)
        alone = lab.run([Job(disk, 3, "--rw=randread --iodepth=1", 203)])
        if not polled(lab, disk) and lab.kernel.traces_notifications:
            alone.expect("notifications for requests that come one at a time", int(alone.grown(
                "vqscope_virtqueue_notify_seconds_count", device=lab.kernel_name(disk))), alone.done(disk))
            alone.raise_problems()

    return run


def light_load(*disks):
    """Few requests at a time, from each vCPU."""

    def run(lab):
        for disk in disks:
            lab.run(everywhere(disk, "--rw=randrw --iodepth=2", ios=51) + [Job(disk, 1, FLUSHES, 31)])

    return run


def at_once(*disks):
    """All disks under load at the same time, each with numbers of its own."""

    def run(lab):
        jobs = []
        for number, disk in enumerate(disks):
            jobs += everywhere(disk, "--rw=randrw --iodepth=4", ios=101 + 64 * number)
        lab.run(jobs)

    return run


def polled_queue(disk):
    """Threads that wait for their requests by looking, and others that are interrupted: the same disk has queues for both."""

    def run(lab):
        if not lab.guest.run("cat /sys/module/virtio_blk/parameters/poll_queues", check=False).strip().isdigit():
            raise unittest.SkipTest("this kernel's virtio_blk has no queues for polling")
        name = lab.kernel_name(disk)
        run = Run(lab, [Job(disk, None, "--rw=randrw --ioengine=io_uring --hipri --iodepth=4", 501),
                        Job(disk, None, "--rw=randrw --iodepth=4", 301)])
        run.check_counts(next(one for one in lab.disks() if one.name == disk), name)
        run.expect("lost events", run.after.scrape.lost(), run.before.scrape.lost())
        run.raise_problems()

    return run


def from_every_vcpu(disk, cpus):
    """In a guest with so many vCPUs."""

    def run(lab):
        lab.run([*everywhere(disk, cpus=cpus, ios=101), Job(disk, cpus - 1, FLUSHES, 61)])

    return run


def one_queue_busy(disk):
    """Only the vCPUs of one queue submit, of a disk that has several."""

    def run(lab):
        lists = lab.guest.run(f"cat /sys/block/{lab.kernel_name(disk)}/mq/*/cpu_list").splitlines()
        cpus = max((text.split(", ") for text in lists), key=len)
        if len(cpus) < 2:
            raise AssertionError(f"no queue serves several vCPUs: {lists}")
        lab.run([Job(disk, int(cpu), ios=4001 + int(cpu)) for cpu in cpus])

    return run


def migrating_process(disk):
    """A process is moved from vCPU to vCPU while its requests are in flight."""

    def run(lab):
        mover = """(while [ ! -e /tmp/run/fio-ended ]; do for mask in 1 2 4 8; do
            for task in /proc/$(pidof fio)/task/*; do taskset -p $mask ${task##*/}; done; done; done
            ) > /dev/null 2>&1 &"""
        run = lab.run([Job(disk, None, "--rw=randrw --iodepth=16 --rate_iops=1000", 3001)], before=mover,
                      after="touch /tmp/run/fio-ended; wait")
        name = lab.kernel_name(disk)
        busy = [cpu for cpu in range(4) if run.grown("vqscope_submissions_total", device=name, cpu=str(cpu))]
        if len(busy) < 2:
            raise AssertionError(f"the process stayed on vCPU {busy}")

    return run


def pushed_back(disk):
    """A driver whose ring is smaller than the block layer's queue pushes requests back."""

    def run(lab):
        run = lab.run(everywhere(disk, "--rw=randrw --bs=64k --iodepth=32", ios=301))
        if not run.grown("vqscope_request_requeues_total", device=lab.kernel_name(disk)):
            raise AssertionError("nothing was pushed back")

    return run


def one_submitter(disk, cpu):
    def run(lab):
        run = lab.run([Job(disk, cpu, ios=1001), Job(disk, cpu, FLUSHES, 41)])
        busy = run.after.scrape.one("vqscope_submission_effective_cpus", device=lab.kernel_name(disk))
        if busy is None or busy > 1.001:
            raise AssertionError(f"one vCPU submits, vqscope says {busy}")

    return run


def cut_short(lab):
    """Every fifth command of a SCSI disk transfers half of what it should: the request is completed in part, and the
    rest given to the driver again."""
    disk = Disk("short", "scsi_debug", queues=2, lines="none")
    lab.guest.load("scsi_debug", "dev_size_mb=48 submit_queues=2 delay=1 opts=0x100 every_nth=5")
    found = "/sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*"
    lab.guest.wait_for(lambda: lab.guest.run(f"ls -d {found} 2> /dev/null || true"), "the disk of scsi_debug")
    name = lab.add(disk, found)
    run = lab.run([Job(disk.name, cpu, "--rw=randread --bs=16k --iodepth=4", 101 + 10 * cpu) for cpu in range(4)])
    completed, asked = len(run.trace(name).completions), run.done(disk.name)
    if completed <= asked:
        raise AssertionError(f"{completed} completions of {asked} requests: none was partial")
    lab.remove(disk)
    lab.guest.run("rmmod scsi_debug")
    lab.wait_for_scrape(lambda scrape: f'device="{name}"' not in scrape.text, f"{name}'s metrics to vanish")


def admin_commands(first, second):
    """Admin commands of every kind while both namespaces are read and written."""

    def run(lab):
        device = f"/dev/{lab.kernel_name(first).partition('n1')[0]}"
        admin = (f"(while [ ! -e /tmp/run/ended ]; do nvme id-ctrl {device}; nvme smart-log {device}; "
                 f"nvme get-feature {device} -f 7; nvme id-ns {device} -n 1; done > /tmp/admin 2>&1; "
                 "grep -c critical_warning /tmp/admin > /tmp/run/rounds) &")
        run = lab.run([job for disk in (first, second) for job in everywhere(disk, "--rw=randrw --iodepth=2", ios=51)],
                      before=admin, after="touch /tmp/run/ended; wait")
        if int(run.files["rounds"]) < 1:
            raise AssertionError("no admin command was answered")
        controller = device.removeprefix("/dev/")
        if not any(run.taken(irq) for irq, action in run.after.actions.items() if f"{controller}q0" in action):
            raise AssertionError("no admin command ended with an interrupt")

    return run
