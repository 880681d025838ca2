# SPDX-License-Identifier: Apache-2.0
"""Scenarios in which the guest changes: settings, disks, queues and vCPUs."""

import dataclasses
import json

import vqtest
from guest import Disk
from loads import FLUSHES, TRIMS
from measure import URL, Job, everywhere


def settings(disk):
    """Elevators, write-back throttling, statistics off, another nr_requests."""

    def run(lab):
        queue = f"/sys/block/{lab.kernel_name(disk)}/queue"
        jobs = everywhere(disk, ios=101)
        for elevator in ("mq-deadline", "kyber", "bfq", "none"):
            lab.guest.write(f"{queue}/scheduler", elevator)
            lab.run(jobs)
        for latency in (0, 75000):
            lab.guest.write(f"{queue}/wbt_lat_usec", latency)
            lab.run(jobs)
        lab.guest.write(f"{queue}/iostats", 0)
        lab.run(jobs, accounting=False)
        lab.guest.write(f"{queue}/iostats", 1)
        lab.run(jobs, before=f"(sleep 1; echo 32 > {queue}/nr_requests) &",
                after=f"wait; echo 64 > {queue}/nr_requests")
        lab.run(jobs)

    return run


def again_and_again(commands):
    """Hooks of measure.Run that run these commands over and over while the load lasts."""
    return {"before": f"(while [ ! -e /tmp/run/ended ]; do {commands}; done) &", "after": "touch /tmp/run/ended; wait"}


def elevators(disk):
    """Every kind of request while the elevator changes every half second."""

    def run(lab):
        queue = f"/sys/block/{lab.kernel_name(disk)}/queue"
        switching = "; ".join(f"echo {name} > {queue}/scheduler; usleep 500000"
                              for name in ("mq-deadline", "none", "kyber", "bfq"))
        lab.run([*everywhere(disk, ios=601), Job(disk, 1, FLUSHES, 121), Job(disk, 2, TRIMS, 61)],
                **again_and_again(switching))
        lab.guest.write(f"{queue}/scheduler", "none")

    return run


def longer_and_shorter(disk):
    """nr_requests of an elevator goes up and down under load, as far up as the kernel lets it."""

    def run(lab):
        name = lab.kernel_name(disk)
        queue = f"/sys/block/{name}/queue"
        lab.guest.write(f"{queue}/scheduler", "mq-deadline")
        lab.wait_for_scrape(lambda scrape: scrape.all("vqscope_device_info", device=name)[0][0]["scheduler"] ==
                            "mq-deadline", "the agent to see the elevator")
        steps = "; ".join(f"echo {number} > {queue}/nr_requests; usleep 400000" for number in (32, 2048, 128, 1024, 512))
        lab.run(everywhere(disk, "--rw=randrw --iodepth=512", ios=1501), **again_and_again(steps))
        lab.guest.write(f"{queue}/scheduler", "none")

    return run


ENDLESS = "--rw=randrw --iodepth=4 --time_based --runtime=600"


def keep_busy(lab, disk):
    """A load until lab.end_fio()."""
    lab.start_fio([Job(disk, options=ENDLESS, ios=None)])


def difference(lab, disk):
    """Reads and writes by the kernel less the agent's submissions, which are all its requests, those on queues that are
    no more too: the same before and after reads and writes as long as the agent misses nothing."""
    name = lab.kernel_name(disk)
    files = lab.guest.run(f"cat /proc/diskstats; echo SCRAPE; wget -q -O - {URL}")
    stats, _, metrics = files.partition("SCRAPE\n")
    words = next(line.split() for line in stats.splitlines() if line.split()[2] == name)
    scrape = vqtest.Scrape(metrics)
    neither = sum(scrape.requests(name, op) for op in ("flush", "discard", "other"))
    return int(words[3]) + int(words[7]) + neither - int(scrape.sum("vqscope_submissions_total", device=name))


def plugged_and_unplugged(stays, comes):
    def run(lab):
        disk = next(disk for disk in lab.layout.disks if disk.name == comes)
        before = difference(lab, stays)
        for _ in range(5):
            keep_busy(lab, stays)
            lab.guest.plug(disk)
            lab.present.append(disk)
            lab.find_disks()
            lab.guest.write(f"/sys/block/{lab.kernel_name(comes)}/queue/nomerges", 2)
            name = lab.kernel_name(comes)
            lab.wait_for_scrape(lambda scrape: scrape.one("vqscope_device_queues", device=name), f"{name}'s metrics")
            lab.end_fio()
            lab.run(everywhere(comes, ios=51, cpus=2) + everywhere(stays, ios=81, cpus=2))
            keep_busy(lab, comes)
            lab.wait_for_scrape(lambda scrape: scrape.one("vqscope_queue_inflight", device=name, queue="0"), "the load")
            lab.guest.unplug(disk)
            lab.present.remove(disk)
            lab.wait_for_scrape(lambda scrape: f'device="{name}"' not in scrape.text, f"{name}'s metrics to vanish")
            lab.guest.run("while pidof fio > /dev/null; do usleep 10000; done; "
                          f"while [ -e /sys/block/{name} ]; do usleep 10000; done")
        lab.run(everywhere(stays, ios=81, cpus=2))
        if (after := difference(lab, stays)) != before:
            raise AssertionError(f"{after - before} requests of the disk that stayed are missing")

    return run


def vcpus_off_and_on(disk, cpus, times=20):
    """Each time another one but the first. The first and the last time the agent has to see it; in between the vCPU is not
    gone for long enough."""

    def run(lab):
        before = difference(lab, disk)
        keep_busy(lab, disk)
        for time in range(times):
            online = f"/sys/devices/system/cpu/cpu{1 + time % (cpus - 1)}/online"
            lab.guest.write(online, 0)
            if time in (0, times - 1):
                lab.wait_for_scrape(lambda scrape: scrape.one("vqscope_online_cpus") == cpus - 1, "a vCPU less")
            lab.guest.write(online, 1)
        lab.wait_for_scrape(lambda scrape: scrape.one("vqscope_online_cpus") == cpus, "the vCPU to come back")
        lab.end_fio()
        lab.run(everywhere(disk, cpus=cpus))
        if (after := difference(lab, disk)) != before:
            raise AssertionError(f"{after - before} requests are missing")

    return run


def two_more_vcpus(disk):
    def run(lab):
        for cpu in (2, 3):
            lab.guest.plug_cpu()
            path = f"/sys/devices/system/cpu/cpu{cpu}/online"
            lab.guest.run(f"while [ ! -e {path} ]; do usleep 10000; done; [ $(cat {path}) = 1 ] || echo 1 > {path}")
        lab.wait_for_scrape(lambda scrape: scrape.one("vqscope_online_cpus") == 4, "four vCPUs")
        lab.run(everywhere(disk))
        report = json.loads(lab.guest.run("vqscope doctor --json --duration=1s 2> /tmp/doctor.log", check=False))
        if "hotplugged_vcpus" not in (told := [finding["finding"] for finding in report["findings"]]):
            raise AssertionError(f"the doctor does not tell of the vCPUs that came after boot, but of {told}")

    return run


def null_blk_queues(lab):
    """The driver changes the number of its hardware queues, idle and under load."""
    disk = Disk("null", "null_blk", queues=2, lines="none")
    configuration = "/sys/kernel/config/nullb/nullb0"
    lab.guest.load("null_blk", "nr_devices=0")
    lab.guest.run("mount -t configfs configfs /sys/kernel/config")
    # Requests end in a timer's interrupt, as they would in a device's; the data are kept in memory.
    lab.guest.run(f"mkdir {configuration}; cd {configuration}; echo 64 > size; echo 1 > memory_backed; "
                  "echo 2 > irqmode; echo 0 > poll_queues; echo 2 > submit_queues; echo 1 > power")
    name = lab.add(disk, "/sys/block/nullb0")
    for queues in (4, 1, 3):
        before, lost_before = difference(lab, disk.name), lab.scrape().lost()
        keep_busy(lab, disk.name)
        lab.wait_for_scrape(lambda scrape: scrape.sum("vqscope_queue_inflight", device=name), "the load")
        lab.guest.write(f"{configuration}/submit_queues", queues)
        lab.wait_for_scrape(lambda scrape: scrape.one("vqscope_device_queues", device=name) == queues,
                            f"{queues} queues")
        lab.end_fio()
        # What came on queues that the agent did not know yet, it says: nothing else may be missing.
        lost = lab.scrape().lost().get("queue_out_of_range", 0) - lost_before.get("queue_out_of_range", 0)
        if (missing := difference(lab, disk.name) - before) != lost:
            raise AssertionError(f"with {queues} queues {missing} requests are missing, {lost} were lost")
        lab.present[-1] = dataclasses.replace(lab.present[-1], queues=queues)
        lab.run(everywhere(disk.name, ios=101))
    lab.remove(disk)
    lab.guest.write(f"{configuration}/power", 0)
    lab.wait_for_scrape(lambda scrape: f'device="{name}"' not in scrape.text, f"{name}'s metrics to vanish")


def bound_anew(disk):
    """virtio_blk lets go of a disk and takes it again with fewer queues: another disk of the same name."""

    def run(lab):
        name = lab.kernel_name(disk)
        driver, limit = "/sys/bus/virtio/drivers/virtio_blk", "/sys/module/virtio_blk/parameters/num_request_queues"
        device = lab.guest.run(f"basename $(readlink -f /sys/block/{name}/device)").strip()
        place = next(place for place, one in enumerate(lab.present) if one.name == disk)
        offered = lab.present[place]
        for limited, queues in ((2, 2), (0, offered.queues)):
            lab.guest.write(limit, limited)
            lab.guest.write(f"{driver}/unbind", device)
            lab.wait_for_scrape(lambda scrape: f'device="{name}"' not in scrape.text, f"{name}'s metrics to vanish")
            lab.guest.write(f"{driver}/bind", device)
            lab.find_disks()
            lab.guest.write(f"/sys/block/{lab.kernel_name(disk)}/queue/nomerges", 2)
            lab.wait_for_scrape(lambda scrape: scrape.one("vqscope_device_queues", device=name) == queues,
                                f"{queues} queues")
            lab.present[place] = dataclasses.replace(offered, queues=queues)
            lab.run(everywhere(disk))

    return run


def let_go_under_load(disk, other, times=5):
    """virtio_blk lets go of a disk that is in use, whose elevator's nr_requests changes all the time, and takes it again.
    The other disk, in use as well, loses nothing, and of this one nothing is left."""

    def run(lab):
        before = difference(lab, other)
        for _ in range(times):
            name = lab.kernel_name(disk)
            queue = f"/sys/block/{name}/queue"
            device = lab.guest.run(f"basename $(readlink -f /sys/block/{name}/device)").strip()
            lab.guest.write(f"{queue}/scheduler", "mq-deadline")
            lab.start_fio([Job(disk, options=ENDLESS, ios=None), Job(other, options=ENDLESS, ios=None)])
            lab.guest.run(f"(while echo 32 > {queue}/nr_requests && echo 512 > {queue}/nr_requests; do usleep 50000; done"
                          ") 2> /dev/null &")
            lab.wait_for_scrape(lambda scrape: scrape.sum("vqscope_queue_inflight", device=name), "the load")
            lab.guest.write("/sys/bus/virtio/drivers/virtio_blk/unbind", device)
            lab.wait_for_scrape(lambda scrape: f'device="{name}"' not in scrape.text, f"{name}'s metrics to vanish")
            lab.end_fio()
            lab.guest.write("/sys/bus/virtio/drivers/virtio_blk/bind", device)
            lab.find_disks()
            name = lab.kernel_name(disk)
            lab.guest.write(f"/sys/block/{name}/queue/nomerges", 2)
            lab.wait_for_scrape(lambda scrape: scrape.one("vqscope_device_queues", device=name), f"{name}'s metrics")
            lab.run(everywhere(disk, ios=51) + everywhere(other, ios=51))
        if (after := difference(lab, other)) != before:
            raise AssertionError(f"{after - before} requests of the disk that stayed are missing")

    return run
