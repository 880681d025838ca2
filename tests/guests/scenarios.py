# SPDX-License-Identifier: Apache-2.0
"""The table of guests and scenarios. README.md tells how to add one."""

import dataclasses
import typing

import changes
import endpoint
import faults
import limits
import loads
import locks
import notifications
import parts
import production
import stacking
import upgrade
from guest import Disk, Layout


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    layout: str  # of LAYOUTS
    what: str
    run: typing.Callable  # given the Lab; raises AssertionError
    expected_messages: tuple = ()  # warnings of the kernel that the scenario provokes
    # What the doctor may tell of its loads beside Disk.findings, and nothing else. What it may tell is not always told: the
    # rates of an emulated guest do not always suffice.
    findings: tuple = ()


# What may be told of a disk: with one queue (where that matters, and where not; the kernel may have given it an elevator),
# with fewer than vCPUs, and so on.
ONE_QUEUE = ("single_queue", "fewer_queues_than_vcpus", "elevator_on_fast_disk")
FEW_QUEUES = ("fewer_queues_than_vcpus",)
LIMITED, SHARED, EMULATED = ("guest_limits_queues",), ("shared_vector",), ("emulated_bus", "guest_latency")
# And of a load: from one vCPU, or with many requests in flight.
DEEP = ("slow_at_device", "queue_full")
# And of a disk that the host holds to so many requests a second.
HELD = ("storage_limit",)
ONE_SUBMITS = ("workload_on_one_vcpu", "submitter_off_interrupt_vcpu")

LAYOUTS = {
    # Every way in which virtio-blk is given queues and vectors.
    "virtio-blk": Layout(disks=(
        Disk("one", "virtio-blk-pci,num-queues=1", queues=1, findings=ONE_QUEUE),
        Disk("two", "virtio-blk-pci,num-queues=2,iothread=io0", queues=2, findings=FEW_QUEUES),
        Disk("three", "virtio-blk-pci,num-queues=3,iothread=io0", queues=3, findings=FEW_QUEUES),
        Disk("four", "virtio-blk-pci,num-queues=4,iothread=io0", queues=4),
        Disk("eight", "virtio-blk-pci,num-queues=8,iothread=io0", queues=4),
        Disk("packed", "virtio-blk-pci,num-queues=4,packed=on,iothread=io0", queues=4),
        Disk("no-iothread", "virtio-blk-pci,num-queues=4", queues=4),
        Disk("few-vectors", "virtio-blk-pci,num-queues=4,vectors=2", queues=4, lines="shared",
             findings=SHARED),
        Disk("intx", "virtio-blk-pci,num-queues=4,vectors=0", queues=4, lines="shared", findings=SHARED),
        # QEMU serves its notifications before they return, and compares what is read from each of its parts.
        Disk("slow-kicks", "virtio-blk-pci,num-queues=4,ioeventfd=off", queues=4, backend=notifications.SLOW),
    )),
    "sixteen": Layout(cpus="16", disks=(Disk("sixteen", "virtio-blk-pci,num-queues=16", queues=16),)),
    # Disks of different kinds, some of them on one controller.
    "mixed": Layout(
        devices=("virtio-scsi-pci,id=scsi0,num_queues=4",
                 "virtio-scsi-pci,id=scsi1,num_queues=1,cmd_per_lun=8,virtqueue_size=64,seg_max_adjust=on,"
                 "indirect_desc=off",
                 "nvme,id=nvme0,serial=lab,max_ioqpairs=4"),
        disks=(Disk("lun0", "scsi-hd,bus=scsi0.0,lun=0", queues=4),
               Disk("lun1", "scsi-hd,bus=scsi0.0,lun=1", queues=4),
               Disk("small-ring", "scsi-hd,bus=scsi1.0,lun=0", queues=1,
                    findings=(*ONE_QUEUE, "requeues", "indirect_descriptors_off")),
               Disk("ns1", "nvme-ns,bus=nvme0,nsid=1", queues=4, kernel_name="nvme0n1"),
               Disk("ns2", "nvme-ns,bus=nvme0,nsid=2", queues=4, kernel_name="nvme0n2"),
               Disk("blk1", "virtio-blk-pci,num-queues=1", queues=1, findings=ONE_QUEUE))),
    # Emulated, this machine has no clock that the kernel could measure its own against, so it is told.
    "microvm": Layout(machine="microvm", append="tsc_early_khz=1000000 lpj=4000000 tsc=reliable", disks=(
        Disk("mmio1", "virtio-blk-device,num-queues=1", queues=1, lines="shared", findings=ONE_QUEUE),
        Disk("mmio4", "virtio-blk-device,num-queues=4", queues=4, lines="shared", findings=SHARED))),
    "limited": Layout(append="virtio_blk.num_request_queues=1",
                      disks=(Disk("offered-4", "virtio-blk-pci,num-queues=4", queues=1, findings=LIMITED),)),
    "polled": Layout(append="virtio_blk.poll_queues=1",
                     disks=(Disk("polled", "virtio-blk-pci,num-queues=4", queues=4, findings=LIMITED),)),
    # Linux 6.12 adds vCPUs only where it knows the hypervisor.
    "hotplug": Layout(cpus="2,maxcpus=4", known_hypervisor=True,
                      devices=("pcie-root-port,id=port0,chassis=1,slot=1",),
                      disks=(Disk("stays", "virtio-blk-pci,num-queues=2", queues=2),
                             Disk("comes", "virtio-blk-pci,bus=port0,num-queues=2", queues=2, plugged=False))),
    "faults": Layout(disks=(
        Disk("hangs", "virtio-blk-pci,num-queues=2", queues=2, findings=FEW_QUEUES),
        Disk("fails", "virtio-blk-pci,num-queues=1", queues=1, findings=ONE_QUEUE,
             backend="driver=raw,file.driver=blkdebug,file.image.driver=file,file.image.filename={file},"
                     "file.inject-error.0.event=none,file.inject-error.0.iotype=read,file.inject-error.0.errno=5,"
                     f"file.inject-error.0.sector={faults.BAD_SECTOR}"))),
    # The kernel tells of waits for locks only where it does not know that a hypervisor may take the vCPU away that holds one.
    "contended": Layout(known_hypervisor=True, parallel=True, devices=("virtio-scsi-pci,id=scsi0,num_queues=1",),
                        disks=(Disk("blk", "virtio-blk-pci,num-queues=1,iothread=io0", queues=1, findings=ONE_QUEUE),
                               Disk("lun", "scsi-hd,bus=scsi0.0,lun=0", queues=1, findings=ONE_QUEUE))),
    "agent": Layout(disks=(Disk("data", "virtio-blk-pci,num-queues=4", queues=4),)),
    # Little memory, so that it is soon used up.
    "production": Layout(memory="512M", disks=(
        Disk("data", "virtio-blk-pci,num-queues=4,iothread=io0", queues=4),
        Disk("other", "virtio-blk-pci,num-queues=1", queues=1, findings=ONE_QUEUE))),
    # The cloud kernel 6.1 has no driver for AHCI.
    "sata": Layout(generic=True, disks=(Disk("sata1", "ide-hd,bus=ide.0", lines="shared", findings=EMULATED),
                                        Disk("sata2", "ide-hd,bus=ide.1", lines="shared", findings=EMULATED))),
    "ide": Layout(machine="pc", disks=(Disk("primary", "ide-hd,bus=ide.0", lines="shared", findings=EMULATED),
                                       Disk("secondary", "ide-hd,bus=ide.1", lines="shared", findings=EMULATED))),
}

SCENARIOS = [
    *(Scenario(f"virtio-blk-{disk}", "virtio-blk", what, loads.load_from_every_vcpu(disk), findings=ONE_SUBMITS)
      for disk, what in (
        ("one", "one queue for four vCPUs"),
        ("two", "two queues for four vCPUs"),
        ("three", "three queues for four vCPUs"),
        ("four", "a queue for each vCPU"),
        ("eight", "eight queues offered to four vCPUs"),
        ("packed", "packed virtqueues"),
        ("no-iothread", "four queues, served by QEMU's main loop"),
        ("few-vectors", "four queues that share one MSI-X vector"),
        ("intx", "four queues on a legacy interrupt line"),
    )),
    Scenario("nested-completions", "virtio-blk", "disks of one and of many queues at once: completions interrupt completions",
             loads.at_once("one", "two", "four", "no-iothread")),
    Scenario("completions-under-way", "virtio-blk", "from the handler of the interrupt to the completion, with 1, 2 and 4 queues",
             parts.under_way("one", "two", "four"), findings=ONE_SUBMITS),
    Scenario("preempting", "virtio-blk", "two threads of different priorities on each vCPU for each disk",
             notifications.preempting("one", "four", "no-iothread"), findings=DEEP),
    Scenario("slow-notifications", "virtio-blk", "QEMU serves notifications before they return",
             notifications.slow("slow-kicks", threads=1), findings=ONE_SUBMITS),
    Scenario("preempted-notifications", "virtio-blk", "the same, from two threads of different priorities",
             notifications.slow("slow-kicks", threads=2), findings=ONE_SUBMITS),
    Scenario("one-and-four", "virtio-blk", "disks of one and of four queues at once", loads.at_once("one", "four")),
    Scenario("one-submitter", "virtio-blk", "one vCPU alone uses four queues", loads.one_submitter("four", 2),
             findings=ONE_SUBMITS),
    Scenario("one-queue-busy", "virtio-blk", "the vCPUs of one of three queues submit", loads.one_queue_busy("three")),
    Scenario("sixteen-queues", "sixteen", "sixteen queues for sixteen vCPUs", loads.from_every_vcpu("sixteen", 16)),
    Scenario("vcpus-offline", "sixteen", "twenty times a vCPU goes and comes back under load, each time another",
             changes.vcpus_off_and_on("sixteen", 16)),
    Scenario("migration", "virtio-blk", "a process moves while its requests are in flight",
             loads.migrating_process("four")),
    Scenario("settings", "virtio-blk", "elevators, wbt, iostats off, nr_requests changed under load",
             changes.settings("four"), findings=("elevator_on_fast_disk",)),
    Scenario("elevators", "virtio-blk", "the elevator changes every half second", changes.elevators("two"),
             findings=("elevator_on_fast_disk", "guest_latency")),  # requests wait while it does
    Scenario("longer-and-shorter", "virtio-blk", "nr_requests of an elevator goes up and down under load",
             changes.longer_and_shorter("one"), findings=(*DEEP, "guest_latency")),
    Scenario("virtqueue-lock", "contended", "four vCPUs wait for a virtqueue's and an elevator's lock",
             locks.waits("blk", ("none", "mq-deadline"))),
    Scenario("scsi-lock", "contended", "four vCPUs wait for virtio-scsi's lock", locks.waits("lun", ("none",))),
    Scenario("polled", "polled", "requests that are waited for by polling", loads.polled_queue("polled")),
    Scenario("dm-linear", "virtio-blk", "a linear mapping over two disks", stacking.linear("two", "no-iothread")),
    Scenario("md-raid0", "virtio-blk", "a striped array over two disks", stacking.raid0("two", "no-iothread")),
    Scenario("md-raid1", "virtio-blk", "a mirror of two disks", stacking.raid1("two", "no-iothread")),
    Scenario("dm-crypt", "virtio-blk", "an encrypted disk", stacking.crypt("four")),
    Scenario("virtio-scsi", "mixed", "virtio-scsi, four queues, two LUNs", loads.light_load("lun0", "lun1")),
    Scenario("virtio-scsi-small-ring", "mixed", "the driver pushes requests back", loads.pushed_back("small-ring"),
             findings=DEEP),
    Scenario("partial-completions", "mixed", "SCSI transfers that end short and go on", loads.cut_short,
             ("trim poll_queues", "Power-on or device reset occurred")),
    Scenario("nvme", "mixed", "NVMe, four I/O queues, two namespaces", loads.light_load("ns1", "ns2")),
    Scenario("nvme-admin", "mixed", "admin commands are no I/O", loads.admin_commands("ns1", "ns2")),
    Scenario("two-kinds", "mixed", "virtio-blk and virtio-scsi at once", loads.at_once("blk1", "lun0")),
    Scenario("virtio-mmio", "microvm", "one interrupt line per device, no PCI", loads.light_load("mmio1", "mmio4")),
    Scenario("one-queue-by-guest", "limited", "four queues offered, the guest takes one",
             loads.load_from_every_vcpu("offered-4"), findings=ONE_SUBMITS),
    Scenario("disk-hotplug", "hotplug", "plugged and unplugged under load, five times",
             changes.plugged_and_unplugged("stays", "comes"), (r"I/O error, dev",)),
    Scenario("vcpu-offline", "hotplug", "a vCPU goes and comes back twenty times under load",
             changes.vcpus_off_and_on("stays", 2)),
    Scenario("vcpu-hotplug", "hotplug", "two more vCPUs", changes.two_more_vcpus("stays"),
             findings=("hotplugged_vcpus",)),
    Scenario("null-blk-queues", "faults", "the driver changes the number of hardware queues under load",
             changes.null_blk_queues),
    Scenario("bound-anew", "faults", "a disk comes back with fewer queues", changes.bound_anew("hangs")),
    Scenario("let-go-under-load", "faults", "the driver lets go of a disk in use, whose depth changes all the time",
             changes.let_go_under_load("hangs", "fails"), (r"I/O error, dev",)),
    Scenario("hang", "faults", "a disk that stands still", faults.hang("hangs")),
    Scenario("errors", "faults", "a disk that fails to read", faults.errors("fails"), (r"I/O error, dev",)),
    Scenario("limits", "agent", "limits of requests and bytes a second are told from none",
             limits.found_and_not_found("data")),
    Scenario("no-btf", "agent", "the kernel's type information is hidden",
             faults.without_bpf("data", "touch /tmp/empty; mount --bind /tmp/empty /sys/kernel/btf/vmlinux", "",
                                "no BTF", restore="umount /sys/kernel/btf/vmlinux")),
    Scenario("no-bpf", "agent", "the agent has no capabilities",
             faults.without_bpf("data", "true", "/tools/setpriv --bounding-set=-all", "not permitted")),
    Scenario("sigkill", "agent", "killed under load and started again, ten times", faults.killed_ten_times("data")),
    Scenario("sigkill-burst", "agent", "started and killed again at once, twenty times, under load",
             faults.killed_in_a_burst("data")),
    Scenario("vsock", "agent", "scraped without a network", endpoint.scraped_over_vsock),
    Scenario("clock-steps", "production", "the wall clock steps under load", production.clock_steps("data")),
    Scenario("paused", "production", "the guest is stopped and goes on, and its clock stands meanwhile",
             production.held("data", production.pause, production.unpause, clock_stands=True), findings=HELD),
    Scenario("stalled", "production", "the host does not run the guest, whose clock goes on",
             production.held("data", production.stall, production.unstall, clock_stands=False), findings=HELD),
    Scenario("renamed", "production", "two disks swap their names", production.renamed("data", "other")),
    Scenario("memory-pressure", "production", "a process takes all memory", production.memory_pressure("data")),
    Scenario("suspended", "production", "to memory and back", production.suspended("data")),
    Scenario("live-migration", "production", "to another QEMU under load", production.migrated("data")),
    Scenario("kernel-upgrade", "production", "the same configuration gives the same series on every kernel",
             upgrade.same_configuration("data", "other")),
    Scenario("sata", "sata", "AHCI, one queue", loads.light_load("sata1", "sata2")),
    Scenario("ide", "ide", "parallel ATA, one queue", loads.light_load("primary", "secondary")),
]
