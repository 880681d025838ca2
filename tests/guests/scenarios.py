# SPDX-License-Identifier: Apache-2.0
"""The table of guests and scenarios. README.md tells how to add one."""

import dataclasses
import re
import typing

import vqtest
from guest import Disk, Layout
from measure import Job, everywhere


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    layout: str  # of LAYOUTS
    what: str
    run: typing.Callable  # given the Lab; raises AssertionError
    expected_messages: tuple = ()  # warnings of the kernel that the scenario provokes


FLUSHES = "--rw=randwrite --fsync=3"
TRIMS = "--rw=randtrim"


# What scenarios do.


def load_from_every_vcpu(disk, trims=True):
    """Reads, writes, flushes and discards from each vCPU, then from one vCPU after another alone."""

    def run(lab):
        jobs = everywhere(disk)
        jobs += [Job(disk, 1, FLUSHES, 61)]
        if trims:
            jobs += [Job(disk, 2, TRIMS, 23)]
        lab.run(jobs)
        lab.run([Job(disk, 3, "--rw=randread --iodepth=1", 203)])

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


TRACE = "/sys/kernel/tracing/instances/lab"
TRACE_ON = f"""mkdir {TRACE}; cd {TRACE}; echo 8192 > buffer_size_kb; echo global > trace_clock
for event in block/block_rq_complete irq/irq_handler_entry; do echo 1 > events/$event/enable; done; cd /"""
TRACE_OFF = f"echo 0 > {TRACE}/tracing_on; cat {TRACE}/trace > /tmp/run/trace; rmdir {TRACE}"


def locality_by_trace(disk):
    """Local completions are those whose submitter took the queue's last interrupt, by the kernel's own trace. Each
    vCPU works on a part of the disk of its own, so that a request's sector tells who submitted it."""

    def run(lab):
        share = 12 << 20
        jobs = [dataclasses.replace(job, options=f"{job.options} --offset={share * job.cpu} --size={share}")
                for job in everywhere(disk, "--rw=randrw --iodepth=4", ios=201)]
        run = lab.run(jobs, before=TRACE_ON, after=TRACE_OFF)
        name = lab.kernel_name(disk)
        number = lab.guest.read(f"/sys/block/{name}/dev").strip().replace(":", ",")
        queue_of_cpu = {cpu: queue for queue, cpus in run.after.cpu_lists[name].items() for cpu in cpus}
        taken, local, total = {}, 0, 0
        for cpu, event, rest in re.findall(r"\[(\d+)\].*? (irq_handler_entry|block_rq_complete): (.*)",
                                           run.files["trace"]):
            if event == "irq_handler_entry":
                taken[int(re.match(r"irq=(\d+)", rest).group(1))] = int(cpu)
            elif rest.startswith(f"{number} "):
                submitter = int(re.search(r"\) (\d+) \+", rest).group(1)) * 512 // share
                line = next(irq for irq, queue in run.lines(name).items()
                            if queue == str(queue_of_cpu[submitter]))
                local += taken.get(line) == submitter
                total += 1
        run.expect("requests in the trace", run.requests(device=name), total)
        run.expect("local completions in the trace",
                   int(run.grown("vqscope_queue_completions_total", device=name, locality="local")), local)
        if run.problems:
            raise AssertionError("\n  ".join(["", *run.problems]))

    return run


def migrating_process(disk):
    """A process is moved from vCPU to vCPU while its requests are in flight."""

    def run(lab):
        mover = """(while [ ! -e /tmp/run/fio-ended ]; do for mask in 1 2 4 8; do
            for task in /proc/$(pidof fio)/task/*; do taskset -p $mask ${task##*/}; done; done; done) > /dev/null 2>&1 &"""
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
        lab.run(jobs, before=f"(sleep 1; echo 32 > {queue}/nr_requests) &", after=f"wait; echo 64 > {queue}/nr_requests")
        lab.run(jobs)

    return run


def load_in_background(lab, disk, seconds=600):
    lab.guest.run(f"fio --name=load --filename=/dev/{lab.kernel_name(disk)} --rw=randrw --bs=4k --direct=1 --thread "
                  f"--ioengine=libaio --iodepth=4 --time_based --runtime={seconds} --size=48m --norandommap "
                  "> /tmp/load 2>&1 &")


def end_load(lab):
    lab.guest.run("killall -KILL fio; while pidof fio > /dev/null; do usleep 10000; done", check=False)


def difference(lab, disk):
    """Reads and writes by the kernel less those by the agent; the same as long as the agent misses nothing."""
    name = lab.kernel_name(disk)
    files = lab.guest.run(f"cat /proc/diskstats; echo SCRAPE; wget -q -O - http://127.0.0.1:10177/metrics")
    stats, _, metrics = files.partition("SCRAPE\n")
    words = next(line.split() for line in stats.splitlines() if line.split()[2] == name)
    scrape = vqtest.Scrape(metrics)
    return int(words[3]) + int(words[7]) - scrape.requests(name, "read") - scrape.requests(name, "write")


def plugged_and_unplugged(stays, comes):
    def run(lab):
        disk = next(disk for disk in lab.layout.disks if disk.name == comes)
        before = difference(lab, stays)
        for _ in range(5):
            load_in_background(lab, stays)
            lab.guest.plug(disk)
            lab.present.append(disk)
            lab.find_disks()
            lab.guest.write(f"/sys/block/{lab.kernel_name(comes)}/queue/nomerges", 2)
            name = lab.kernel_name(comes)
            lab.wait_for_scrape(lambda scrape: scrape.one("vqscope_device_queues", device=name), f"{name}'s metrics")
            end_load(lab)
            lab.run(everywhere(comes, ios=51, cpus=2) + everywhere(stays, ios=81, cpus=2))
            load_in_background(lab, comes)
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


def vcpu_off_and_on(disk):
    def run(lab):
        online = "/sys/devices/system/cpu/cpu1/online"
        before = difference(lab, disk)
        load_in_background(lab, disk)
        lab.guest.write(online, 0)
        lab.wait_for_scrape(lambda scrape: scrape.one("vqscope_online_cpus") == 1, "a vCPU less")
        lab.guest.write(online, 1)
        lab.wait_for_scrape(lambda scrape: scrape.one("vqscope_online_cpus") == 2, "the vCPU to come back")
        end_load(lab)
        lab.run(everywhere(disk, cpus=2))
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

    return run


def hang(disk):
    """The host lets one request a second through, and then all of them."""

    def run(lab):
        name = lab.kernel_name(disk)
        before = difference(lab, disk)
        lab.guest.monitor.throttle(disk, 1)
        lab.guest.run(f"fio --name=hang --filename=/dev/{name} --rw=randread --bs=4k --direct=1 --ioengine=libaio "
                      "--iodepth=8 --number_ios=31 --thread --output-format=json > /tmp/hang 2>&1 &")
        scrape = lab.wait_for_scrape(
            lambda scrape: scrape.sum("vqscope_queue_inflight", device=name) == 8 and
            max((age for _, age in scrape.all("vqscope_queue_oldest_inflight_seconds", device=name)), default=0) > 2,
            "eight requests in flight, the oldest for more than 2 s")
        inflight = lab.guest.read(f"/sys/block/{name}/inflight").split()
        if inflight != ["8", "0"]:
            raise AssertionError(f"the kernel has {inflight} in flight, vqscope 8")
        done = scrape.requests(name, "read")
        lab.guest.monitor.throttle(disk, 0)
        lab.guest.run("while pidof fio > /dev/null; do usleep 10000; done")
        scrape = lab.scrape()
        if scrape.sum("vqscope_queue_inflight", device=name) or scrape.requests(name, "read") <= done:
            raise AssertionError("it did not recover")
        if scrape.all("vqscope_queue_oldest_inflight_seconds", device=name):
            raise AssertionError("an age without a request in flight")
        if (after := difference(lab, disk)) != before:
            raise AssertionError(f"{after - before} requests are missing")
        lab.run(everywhere(disk))

    return run


BAD_SECTOR = 8192  # of the disk whose reads fail


def errors(disk):
    """Reads of one sector fail, seven times; everything else goes on."""

    def run(lab):
        name = lab.kernel_name(disk)
        before = lab.scrape()
        failed = lab.guest.run(
            f"for i in 1 2 3 4 5 6 7; do dd if=/dev/{name} of=/dev/null bs=4k skip={BAD_SECTOR // 8} count=1 iflag=direct "
            "2> /dev/null || echo failed; done").count("failed")
        lab.guest.run(f"dd if=/dev/zero of=/dev/{name} bs=4k seek={BAD_SECTOR // 8} count=3 oflag=direct 2> /dev/null")
        after = lab.scrape()
        grown = {(metric, op): after.sum(metric, device=name, op=op) - before.sum(metric, device=name, op=op)
                 for metric in ("vqscope_request_errors_total", "vqscope_request_bytes_total",
                                "vqscope_request_device_latency_seconds_count") for op in ("read", "write")}
        wanted = {("vqscope_request_errors_total", "read"): 7, ("vqscope_request_errors_total", "write"): 0,
                  ("vqscope_request_bytes_total", "read"): 0, ("vqscope_request_bytes_total", "write"): 3 * 4096,
                  ("vqscope_request_device_latency_seconds_count", "read"): 7,
                  ("vqscope_request_device_latency_seconds_count", "write"): 3}
        if failed != 7 or grown != wanted:
            raise AssertionError(f"{failed} of 7 reads failed; vqscope says {grown}")
        lab.run(everywhere(disk, "--rw=randwrite --iodepth=4"))

    return run


def killed_ten_times(disk):
    def run(lab):
        lab.warm_kb = None  # of an agent that is gone
        load_in_background(lab, disk)
        for _ in range(10):
            lab.end_agent("KILL")
            lab.guest.wait_for(lambda: lab.guest.run("bpftool prog list | grep -c tag || true") == lab.programs,
                               "the kernel to let go of the programs")
            lab.start_agent()
        end_load(lab)
        lab.run(everywhere(disk) + [Job(disk, 1, FLUSHES, 61)])

    return run


def without_bpf(disk, hide, wrapper, message, restore="true"):
    """What the kernel's files give, and a log that says what is missing and why."""

    def run(lab):
        lab.warm_kb = None
        lab.end_agent()
        lab.guest.run(hide)
        try:
            lab.start_agent(wrapper=wrapper, probes=())
            name = lab.kernel_name(disk)
            scrape = lab.scrape()
            up = {labels["probe"]: value for labels, value in scrape.all("vqscope_probe_up")}
            log = lab.guest.read("/tmp/agent.log")
            if up != {"block": 0, "irq": 0, "notify": 0} or log.count("probe is off") != 3 or message not in log:
                raise AssertionError(f"probes {up}, log: {log}")
            lab.guest.run(f"fio --name=load --filename=/dev/{name} --rw=randread --bs=4k --direct=1 --number_ios=501 "
                          "--thread > /dev/null")
            after = lab.scrape()
            for metric, labels in (("vqscope_queue_time_seconds_total", {"queue": ""}),
                                   ("vqscope_irq_interrupts_total", {})):
                if after.sum(metric, device=name, **labels) <= scrape.sum(metric, device=name, **labels):
                    raise AssertionError(f"{metric} did not grow")
            if after.all("vqscope_request_device_latency_seconds_count"):
                raise AssertionError("latencies that nobody measured")
            lab.end_agent()
        finally:
            lab.guest.run(restore)
        lab.start_agent()
        lab.run(everywhere(disk))

    return run


LAYOUTS = {
    # Every way in which virtio-blk is given queues and vectors.
    "virtio-blk": Layout(disks=(
        Disk("one", "virtio-blk-pci,num-queues=1", queues=1),
        Disk("two", "virtio-blk-pci,num-queues=2,iothread=io0", queues=2),
        Disk("four", "virtio-blk-pci,num-queues=4,iothread=io0", queues=4),
        Disk("eight", "virtio-blk-pci,num-queues=8,iothread=io0", queues=4),
        Disk("packed", "virtio-blk-pci,num-queues=4,packed=on,iothread=io0", queues=4),
        Disk("no-iothread", "virtio-blk-pci,num-queues=4", queues=4),
        Disk("few-vectors", "virtio-blk-pci,num-queues=4,vectors=2", queues=4, lines="shared"),
        Disk("intx", "virtio-blk-pci,num-queues=4,vectors=0", queues=4, lines="shared"),
    )),
    # Disks of different kinds, some of them on one controller.
    "mixed": Layout(
        devices=("virtio-scsi-pci,id=scsi0,num_queues=4",
                 "virtio-scsi-pci,id=scsi1,num_queues=1,virtqueue_size=64,seg_max_adjust=on,indirect_desc=off",
                 "nvme,id=nvme0,serial=lab,max_ioqpairs=4"),
        disks=(Disk("lun0", "scsi-hd,bus=scsi0.0,lun=0", queues=4),
               Disk("lun1", "scsi-hd,bus=scsi0.0,lun=1", queues=4),
               Disk("small-ring", "scsi-hd,bus=scsi1.0,lun=0", queues=1),
               Disk("ns1", "nvme-ns,bus=nvme0,nsid=1", queues=4, kernel_name="nvme0n1"),
               Disk("ns2", "nvme-ns,bus=nvme0,nsid=2", queues=4, kernel_name="nvme0n2"),
               Disk("blk1", "virtio-blk-pci,num-queues=1", queues=1))),
    # Emulated, this machine has no clock that the kernel could measure its own against, so it is told.
    "microvm": Layout(machine="microvm", append="tsc_early_khz=1000000 lpj=4000000 no_timer_check tsc=reliable", disks=(
        Disk("mmio1", "virtio-blk-device,num-queues=1", queues=1, lines="shared"),
        Disk("mmio4", "virtio-blk-device,num-queues=4", queues=4, lines="shared"))),
    "limited": Layout(append="virtio_blk.num_request_queues=1",
                      disks=(Disk("offered-4", "virtio-blk-pci,num-queues=4", queues=1),)),
    "hotplug": Layout(cpus="2,maxcpus=4", devices=("pcie-root-port,id=port0,chassis=1,slot=1",), disks=(
        Disk("stays", "virtio-blk-pci,num-queues=2", queues=2),
        Disk("comes", "virtio-blk-pci,bus=port0,num-queues=2", queues=2, plugged=False))),
    "faults": Layout(disks=(
        Disk("hangs", "virtio-blk-pci,num-queues=2", queues=2),
        Disk("fails", "virtio-blk-pci,num-queues=1", queues=1,
             backend="driver=raw,file.driver=blkdebug,file.image.driver=file,file.image.filename={file},"
                     "file.inject-error.0.event=none,file.inject-error.0.iotype=read,file.inject-error.0.errno=5,"
                     f"file.inject-error.0.sector={BAD_SECTOR}"))),
    "ide": Layout(machine="pc", disks=(Disk("ide", "ide-hd,bus=ide.0", queues=1, lines="none"),)),
}

SCENARIOS = [
    *(Scenario(f"virtio-blk-{disk}", "virtio-blk", what, load_from_every_vcpu(disk)) for disk, what in (
        ("one", "one queue for four vCPUs"),
        ("two", "two queues for four vCPUs"),
        ("four", "a queue for each vCPU"),
        ("eight", "eight queues offered to four vCPUs"),
        ("packed", "packed virtqueues"),
        ("no-iothread", "four queues, served by QEMU's main loop"),
        ("few-vectors", "four queues that share one MSI-X vector"),
        ("intx", "four queues on a legacy interrupt line"),
    )),
    Scenario("locality-one-queue", "virtio-blk", "local completions against the kernel's trace", locality_by_trace("one")),
    Scenario("locality-four-queues", "virtio-blk", "the same with a queue per vCPU", locality_by_trace("four")),
    Scenario("migration", "virtio-blk", "a process moves while its requests are in flight", migrating_process("four")),
    Scenario("settings", "virtio-blk", "elevators, wbt, iostats off, nr_requests changed under load", settings("four")),
    Scenario("no-btf", "virtio-blk", "the kernel's type information is hidden",
             without_bpf("four", "touch /tmp/empty; mount --bind /tmp/empty /sys/kernel/btf/vmlinux", "", "no BTF",
                         restore="umount /sys/kernel/btf/vmlinux")),
    Scenario("no-bpf", "virtio-blk", "the agent has no capabilities",
             without_bpf("four", "true", "/tools/setpriv --bounding-set=-all", "not permitted")),
    Scenario("sigkill", "virtio-blk", "killed under load and started again, ten times", killed_ten_times("four")),
    Scenario("virtio-scsi", "mixed", "virtio-scsi, four queues, two LUNs", light_load("lun0", "lun1")),
    Scenario("virtio-scsi-small-ring", "mixed", "requests that the driver pushes back", pushed_back("small-ring")),
    Scenario("nvme", "mixed", "NVMe, four I/O queues, two namespaces", light_load("ns1", "ns2")),
    Scenario("two-kinds", "mixed", "virtio-blk and virtio-scsi at once", at_once("blk1", "lun0")),
    Scenario("virtio-mmio", "microvm", "one interrupt line per device, no PCI", light_load("mmio1", "mmio4")),
    Scenario("one-queue-by-guest", "limited", "four queues offered, the guest takes one",
             load_from_every_vcpu("offered-4")),
    Scenario("disk-hotplug", "hotplug", "plugged and unplugged under load, five times",
             plugged_and_unplugged("stays", "comes"), (r"I/O error, dev",)),
    Scenario("vcpu-offline", "hotplug", "a vCPU goes and comes back under load", vcpu_off_and_on("stays")),
    Scenario("vcpu-hotplug", "hotplug", "two more vCPUs", two_more_vcpus("stays")),
    Scenario("hang", "faults", "a disk that stands still", hang("hangs")),
    Scenario("errors", "faults", "a disk that fails to read", errors("fails"), (r"I/O error, dev",)),
    Scenario("ide", "ide", "no virtio: parallel ATA, one queue", light_load("ide")),
]
