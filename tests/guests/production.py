# SPDX-License-Identifier: Apache-2.0
"""Scenarios of what production does to a guest: its clock, its host, its memory and the names of its disks change."""

import re
import signal
import time
import unittest

import vqtest
from guest import SHELL_PORT
from measure import URL, Job, everywhere

DEPTH = 4  # requests in flight of one job
ENDLESS = f"--rw=randrw --iodepth={DEPTH} --rate_iops=100 --time_based --runtime=3600"
PAUSE = 3  # seconds of the host's time, more than anything in a guest takes


def endless(disk):
    """A load on each vCPU that measure.Run ends."""
    return [Job(disk, cpu, ENDLESS, ios=None) for cpu in range(4)]


def under_load(lab, disk, meanwhile, **hooks):
    """lab.run() with a load that begins before and ends after `meanwhile`."""
    name = lab.kernel_name(disk)

    def run():
        lab.wait_for_scrape(lambda scrape: scrape.sum("vqscope_queue_inflight", device=name), "the load")
        meanwhile()
        done = lab.scrape().requests(name)
        lab.wait_for_scrape(lambda scrape: scrape.requests(name) > done, "the load to go on")

    return lab.run(endless(disk), meanwhile=run, **hooks)


class Moment:
    """A scrape and the guest's clocks: an emulated guest may stand between two commands, so each is between two others.

    `begin`, `middle`, `end` are uptimes; the wall clock's `date` was read between the first two, `scrape` between the
    last two."""

    def __init__(self, lab):
        text = lab.guest.run(f"read begin rest < /proc/uptime; date=$(date +%s); read middle rest < /proc/uptime; "
                             f"wget -q -O /tmp/moment {URL} || exit 1; read end rest < /proc/uptime; "
                             "echo $begin $date $middle $end; cat /tmp/moment")
        clocks, metrics = text.split("\n", 1)
        self.begin, self.date, self.middle, self.end = map(float, clocks.split())
        self.scrape = vqtest.Scrape(metrics)

    def age(self):
        """Of the agent, in seconds by the wall clock."""
        return self.date - self.scrape.one("process_start_time_seconds")


def check_sane(moment, before, name, begins_anew=()):
    """Nothing that is negative or goes backwards, and no more time in flight than has passed. Metrics in `begins_anew` may
    start at 0 again."""
    negative = [sample for sample in moment.scrape.samples if sample[2] < 0]
    if negative:
        raise AssertionError(f"negative: {negative}")
    earlier = {(metric, tuple(labels.items())): value for metric, labels, value in before.scrape.samples}
    backwards = [(metric, labels) for metric, labels, value in moment.scrape.samples
                 if re.search("_(total|sum|count|bucket)$", metric)
                 and value < earlier.get((metric, tuple(labels.items())), 0) and not metric.startswith(begins_anew)]
    if backwards:
        raise AssertionError(f"went backwards: {backwards}")
    grown = (moment.scrape.sum("vqscope_queue_inflight_seconds_total", device=name) -
             before.scrape.sum("vqscope_queue_inflight_seconds_total", device=name))
    if grown > 4 * DEPTH * (moment.end - before.middle):
        raise AssertionError(f"{grown} s in flight within {moment.end - before.middle} s")


def clock_steps(disk):
    """The wall clock goes a day forward, two days back and to where it was, under load."""

    def run(lab):
        name = lab.kernel_name(disk)

        def steps():
            before = Moment(lab)
            for step in (86400, -2 * 86400, 86400):
                lab.guest.run(f"date -s @$(($(date +%s) + {step}))")
                done = lab.scrape().requests(name)
                lab.wait_for_scrape(lambda scrape: scrape.requests(name) > done, "requests after the step")
                after = Moment(lab)
                check_sane(after, before, name)
                # Its age stays: the kernel moves its account of the boot with the clock, and the agent follows.
                aged, least, most = after.age() - before.age(), after.begin - before.middle, after.middle - before.begin
                # The date and the kernel's account of the boot are whole seconds.
                if not least - 2 < aged < most + 2:
                    raise AssertionError(f"{least} to {most} s older by uptime, {aged} s by the clock")
            metrics = lab.guest.run("wget -q -O - --header 'Accept: application/openmetrics-text; version=1.0.0' " + URL)
            if "_created" in metrics or not metrics.endswith("# EOF\n"):
                raise AssertionError("times of creation, which a step makes wrong")

        under_load(lab, disk, steps)

    return run


def held(disk, stop, go, clock_stands):
    """The guest does not run for a while, with requests in flight. `clock_stands`: nor does its clock, so that it does
    not know; else every request in flight has taken that long, as the kernel accounts it too."""

    def run(lab):
        name = lab.kernel_name(disk)
        clocks = {}

        def hold():
            before = Moment(lab)
            lab.wait_for_scrape(lambda scrape: scrape.sum("vqscope_queue_inflight", device=name), "requests in flight")
            outer, uptime = time.monotonic(), lab.uptime()
            stop(lab.guest)
            inner = time.monotonic()
            time.sleep(PAUSE)  # this is what is tested
            held_for = time.monotonic() - inner
            go(lab.guest)
            clocks["guest"], clocks["held"] = lab.uptime() - uptime, held_for
            clocks["host"] = time.monotonic() - outer
            check_sane(Moment(lab), before, name)

        lab.guest.monitor.throttle(disk, 100)
        try:
            run = under_load(lab, disk, hold)
        finally:
            lab.guest.monitor.throttle(disk, 0)
        if clock_stands:
            if clocks["guest"] > clocks["host"] - clocks["held"] + 0.5:
                raise AssertionError(f"the guest's clock went on: {clocks}")
            return
        if clocks["guest"] < clocks["held"] - 0.5:
            raise AssertionError(f"the guest's clock stood: {clocks}")
        every, fast = (run.grown("vqscope_request_device_latency_seconds_bucket", device=name, le=le)
                       for le in ("+Inf", "1"))
        if every == fast:
            raise AssertionError("no request took the time in which the guest did not run")

    return run


def memory_pressure(disk):
    """A process takes all memory, until the kernel kills it: not the agent, which misses nothing."""

    def run(lab):
        agent = lab.guest.run("pidof vqscope")

        def press():
            lab.guest.run("tail /dev/zero 2> /dev/null", check=False)

        under_load(lab, disk, press)
        if lab.guest.run("pidof vqscope") != agent:
            raise AssertionError("the agent is another")
        messages = lab.guest.run("dmesg -c")
        if not re.search(r"Out of memory: Killed process \d+ \(tail\)", messages):
            raise AssertionError("nothing was killed")
        # Of the process that is being killed an allocation may fail.
        failures = [line for line in messages.splitlines() if "page allocation failure" in line and " tail: " not in line]
        if failures:
            raise AssertionError(f"allocations failed: {failures}")

    return run


def renamed(first, second):
    """Two disks are let go of by their driver and taken again while the agent sleeps, and are used before it wakes: first
    they swap their names, then each has its name again."""

    def run(lab):
        names = [lab.kernel_name(disk) for disk in (first, second)]
        for order in ((second, first), (second, first)):
            lab.run(everywhere(first, ios=101))
            taken_again(lab, order)
            if [lab.kernel_name(disk) for disk in order] != names:
                raise AssertionError(f"the names are {lab.names}")
            for disk in order:
                lab.run(everywhere(disk))

    return run


def taken_again(lab, disks):
    """All series of these disks end, and begin at 0, by the names that the disks get in this order."""
    by_name = sorted(disks, key=lab.kernel_name)
    devices = {disk: virtio_device(lab, disk) for disk in disks}
    lab.guest.run("kill -STOP $(pidof vqscope)")
    try:
        lab.guest.run("\n".join(["cd /sys/bus/virtio/drivers/virtio_blk",
                                 *(f"echo {devices[disk]} > unbind" for disk in by_name),
                                 *(f"echo {devices[disk]} > bind" for disk in disks)]))
        lab.find_disks()
        for disk in disks:
            lab.guest.write(f"/sys/block/{lab.kernel_name(disk)}/queue/nomerges", 2)
            lab.fio(everywhere(disk, ios=31))
    finally:
        lab.guest.run("kill -CONT $(pidof vqscope)")

    scrape = lab.wait_for_scrape(lambda scrape: all(
        scrape.one("vqscope_device_queues", device=lab.kernel_name(disk)) and not scrape.requests(lab.kernel_name(disk))
        for disk in disks), "the disks as they are now")
    for disk in disks:
        for metric in ("vqscope_request_bytes_total", "vqscope_submissions_total", "vqscope_irq_interrupts_total",
                       "vqscope_irq_handler_seconds_count", "vqscope_virtqueue_notify_seconds_count"):
            if counted := scrape.sum(metric, device=lab.kernel_name(disk)):
                raise AssertionError(f"{disk} begins with {metric} {counted}")
        wait_for_interrupts(lab, disk)


def virtio_device(lab, disk):
    return lab.guest.run(f"basename $(readlink -f /sys/block/{lab.kernel_name(disk)}/device)").strip()


def wait_for_interrupts(lab, disk):
    """Until the agent counts each interrupt line that the disk has."""
    name, device = lab.kernel_name(disk), virtio_device(lab, disk)

    def known():
        lab.fio(everywhere(disk, ios=3))
        mine = {int(labels["irq"]) for labels, _ in lab.scrape().all("vqscope_irq_interrupts_total", device=name)}
        found = re.findall(rf"^ *(\d+):.* {device}-req\.\d+$", lab.guest.read("/proc/interrupts"), re.MULTILINE)
        return mine == {int(irq) for irq in found}

    lab.guest.wait_for(known, f"{disk}'s interrupts")


def suspended(disk):
    """To memory and back, under load."""

    def run(lab):
        if "mem" not in lab.guest.read("/sys/power/state").split():
            raise unittest.SkipTest("this kernel or machine cannot suspend to memory")
        monitor = lab.guest.monitor

        def sleep():
            before = Moment(lab)
            # The shell is deaf until its serial port is awake again.
            lab.guest.run(f"(echo mem > /sys/power/state; echo AWAKE > {SHELL_PORT}) > /tmp/suspend 2>&1 &")
            lab.guest.wait_for(lambda: monitor.command("query-status")["status"] == "suspended", "the guest to sleep")
            time.sleep(PAUSE)  # the clock of the machine, by which the kernel knows, counts seconds
            monitor.command("system_wakeup")
            lab.guest.wait_for_word("AWAKE")
            if problems := lab.guest.read("/tmp/suspend"):
                raise AssertionError(f"the guest could not suspend: {problems}")
            after = Moment(lab)
            check_sane(after, before, lab.kernel_name(disk), begins_anew=("vqscope_irq_",))

        # The driver gives its interrupts back and takes others, whose counts begin at 0. The agent finds them soon.
        under_load(lab, disk, sleep, interrupts=False)
        wait_for_interrupts(lab, disk)
        lab.run(everywhere(disk))

    return run


def migrated(disk):
    """Live, to another QEMU, under load."""

    def run(lab):
        under_load(lab, disk, lab.guest.migrate)
        lab.run(everywhere(disk))

    return run


def pause(guest):
    guest.monitor.command("stop")


def unpause(guest):
    guest.monitor.command("cont")


def stall(guest):
    guest.process.send_signal(signal.SIGSTOP)


def unstall(guest):
    guest.process.send_signal(signal.SIGCONT)
