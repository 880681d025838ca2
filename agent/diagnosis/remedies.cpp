// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/remedies.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/diagnosis/phrases.h"

namespace vqscope {

namespace {

constexpr const char* kGuest = "In this guest";

constexpr const char* kBuses =
    "virtio-blk costs the least and takes one PCI slot for each disk; virtio-scsi carries hundreds of disks on one "
    "controller, which share its queues, for a little more CPU time; an NVMe device passed through (vfio-pci) has the "
    "hardware's own queues and interrupts and no hypervisor in between, but the guest can no longer be migrated live, "
    "its memory is pinned, and the device is its alone.";

void append(std::vector<Step> more, std::vector<Step>& steps) {
  for (Step& step : more) steps.push_back(std::move(step));
}

// The same instruction for each platform that is shown.
template <typename Writer>
void for_each_platform(const std::vector<Platform>& platforms, std::vector<Step>& steps, Writer write) {
  for (const Platform platform : platforms) append(write(platform), steps);
  if (platforms.empty())
    steps.push_back({"Your provider",
                     "The instance type and the kind of disk decide how many queues there are and how they are served; "
                     "these things cannot be set one by one.",
                     ""});
}

Instructions more_queues(const Disk& disk, const Topology& topology, const std::vector<Platform>& platforms) {
  const auto cpus = static_cast<unsigned>(topology.online_cpus.size());
  Instructions result;
  if (platforms == std::vector{Platform::kFirecracker}) {
    result.summary = fmt::format("Firecracker cannot give {} more than one queue.", disk.name);
    result.steps = queues_step(Platform::kFirecracker, disk, cpus);
    return result;
  }
  result.summary = fmt::format(
      "Give {} {} queues, one for each vCPU, and an IOThread, on the host.{} cache=none with aio=io_uring (host kernel "
      "5.10 or newer; else aio=native) keeps the host's page cache and threads out of the way. Of these, this guest "
      "can "
      "see the queues only: the host's aio mode and IOThreads show only as latency.",
      disk.name, cpus,
      topology.possible_cpus > cpus
          ? fmt::format(" (Up to {}, if vCPUs are going to be plugged in.)", topology.possible_cpus)
          : "");
  for_each_platform(platforms, result.steps, [&](Platform platform) { return queues_step(platform, disk, cpus); });
  return result;
}

Instructions host_io(const Disk& disk, const Topology& topology, const std::vector<Platform>& platforms) {
  // As many queues as there should be, so that the same lines do for both findings.
  const auto queues = static_cast<unsigned>(std::max(topology.online_cpus.size(), disk.queues.size()));
  Instructions result;
  result.summary = fmt::format(
      "On the host: give {} an IOThread, so that QEMU's main loop does not serve it; aio=io_uring (host kernel 5.10 or "
      "newer) or native in place of threads; cache=none, so that writeback of the host's page cache does not stop it. "
      "Then look at who else uses the storage. {}",
      disk.name, kBuses);
  for_each_platform(platforms, result.steps, [&](Platform platform) { return queues_step(platform, disk, queues); });
  return result;
}

Instructions lift_guest_limit() {
  return {
      "Take the module parameter away and start this guest anew; the host need not be touched.",
      {{kGuest,
        "Find where it is set. On the kernel command line: remove it in /etc/default/grub, then update-grub (Debian) "
        "or grub2-mkconfig -o /boot/grub2/grub.cfg (Fedora, RHEL). In a file: remove the line, then "
        "update-initramfs -u or dracut -f.",
        "grep -rsE 'num_request_queues|poll_queues|write_queues' /proc/cmdline /etc/modprobe.d /usr/lib/modprobe.d "
        "/etc/default/grub"}}};
}

Instructions use_msi(const Disk& disk) {
  return {
      fmt::format("Find out why this guest does not use all message interrupts (MSI-X) that {} offers, and let it.",
                  disk.name),
      {{kGuest,
        "What the kernel was told, what it says, and which messages the device uses now: none, if the last command "
        "shows nothing. As root, vqscope doctor also reads how many the device has.",
        fmt::format("grep -o 'pci=[^ ]*' /proc/cmdline\n"
                    "dmesg | grep -iE 'msi|vector'\n"
                    "grep -s . /sys/bus/pci/devices/{}/msi_irqs/*",
                    disk.bus_id)},
       {kGuest,
        "If pci=nomsi is on the kernel command line: take it out of /etc/default/grub, then update-grub (Debian) or "
        "grub2-mkconfig -o /boot/grub2/grub.cfg (Fedora, RHEL), and reboot. Somebody may have needed it for another "
        "device: to go back, add it again, for one boot in the boot menu.",
        ""}}};
}

Instructions spread_interrupts(const Disk& disk) {
  std::string look;
  for (const InterruptLine& line : disk.interrupts)
    if (line.queue) look += fmt::format("{}/proc/irq/{}/effective_affinity_list", look.empty() ? "" : " ", line.irq);
  return {
      "Let each queue's interrupt go to a vCPU that the queue serves.",
      {{kGuest,
        "Look where they go. virtio-blk, virtio-scsi and NVMe lines are spread by the kernel and refuse writes; if "
        "they are on one vCPU nevertheless, the others were offline or isolated (isolcpus=, irqaffinity=) when the "
        "driver started: bring them online and bind the driver anew, or reboot. Other drivers' lines can be written "
        "to smp_affinity_list; then tell irqbalance to leave them alone (IRQBALANCE_BANNED_CPULIST, --banirq).",
        "grep . " + look}}};
}

Instructions match_queues(const Disk& disk) {
  return {"Let a request end where it began.",
          {{kGuest,
            "The vCPUs of each queue and the vCPU of its interrupt should be the same; they come apart when vCPUs were "
            "offline or isolated while the driver started. Bind the driver anew or reboot; until then rq_affinity=2 "
            "makes the kernel move completions to the submitting vCPU.",
            fmt::format("grep . /sys/block/{0}/mq/*/cpu_list\necho 2 > /sys/block/{0}/queue/rq_affinity", disk.name)}}};
}

Instructions deepen_queue(const Disk& disk, const Topology& topology, const std::vector<Platform>& platforms) {
  const auto queues = static_cast<unsigned>(std::max(topology.online_cpus.size(), disk.queues.size()));
  Instructions result;
  result.summary =
      "First find out which it is: if throughput stays the same with fewer requests in flight, the storage is "
      "saturated, "
      "and a longer queue would only make requests wait elsewhere. If it falls, lengthen the queue on the host, or "
      "give "
      "the disk more queues.";
  result.steps.push_back({kGuest, "The limit of the guest itself should not be below that of the ring.",
                          fmt::format("cat /sys/block/{0}/queue/nr_requests /sys/block/{0}/mq/0/nr_tags", disk.name)});
  for_each_platform(platforms, result.steps, [&](Platform platform) { return depth_step(platform, disk, queues); });
  return result;
}

Instructions find_hang(const Disk& disk, const std::vector<Platform>& platforms) {
  Instructions result;
  result.summary = "Find out who holds the request: this guest handed it over and waits.";
  result.steps.push_back({kGuest, "What it is, and what the kernel says of it:",
                          fmt::format("cat /sys/kernel/debug/block/{}/hctx*/busy\n"
                                      "dmesg -T | grep -iE 'blocked for more|timeout|reset|I/O error' | tail",
                                      disk.name)});
  for_each_platform(platforms, result.steps, &hang_step);
  return result;
}

Instructions find_errors(const Disk& disk, const std::vector<Platform>& platforms) {
  Instructions result;
  result.summary =
      "Find out why, and check the file systems. On the host: is the storage full (a thin pool, a sparse image), "
      "unreachable or broken? Save what can be saved before you try anything else.";
  result.steps.push_back(
      {kGuest, "What failed, and where on the disk:", fmt::format("dmesg -T | grep -E 'error|{}' | tail", disk.name)});
  for_each_platform(platforms, result.steps, &hang_step);
  return result;
}

std::string udev_rule(const Disk& disk) {
  return fmt::format(
      "echo none > /sys/block/{0}/queue/scheduler\n"
      "echo 'ACTION==\"add|change\", KERNEL==\"{0}\", ATTR{{queue/scheduler}}=\"none\"' > "
      "/etc/udev/rules.d/60-{0}-scheduler.rules",
      disk.name);
}

Instructions guest_queueing(const Disk& disk) {
  Instructions result;
  result.summary = "Find out what holds the requests back.";
  if (!disk.scheduler.empty() && disk.scheduler != "none")
    result.steps.push_back(
        {kGuest,
         fmt::format("Try without the elevator, for as long as it takes to measure; \"echo {} >\" goes back.",
                     disk.scheduler),
         fmt::format("echo none > /sys/block/{}/queue/scheduler", disk.name)});
  result.steps.push_back({kGuest, "Where they are while they wait: in the elevator, or in a queue's dispatch list.",
                          fmt::format("grep -c . /sys/kernel/debug/block/{0}/sched/*_list "
                                      "/sys/kernel/debug/block/{0}/hctx*/dispatch",
                                      disk.name)});
  return result;
}

Instructions move_submitter() {
  return {
      "Let the process run on the vCPU that takes the disk's interrupts (the evidence names it), and measure before "
      "and "
      "after.",
      {{kGuest,
        "See where it may run now, and write that down: the same command with that list in place of the number goes "
        "back. Then move all its threads; nothing is interrupted. That vCPU does both kinds of work from then on, so "
        "other work there has less of it. For good: CPUAffinity= in the unit of a service.",
        "taskset -acp PID\ntaskset -acp VCPU PID"}}};
}

Instructions find_limit() {
  return {
      "Find out which it is: let the application keep half as many requests in flight (half its threads or depth). If "
      "as many requests/s get through and each takes half as long, something lets no more through: a limit, or storage "
      "that is saturated. If half as many get through, the storage takes that long for each of them.",
      {{"On the host, or your provider",
        "See whether a limit is set, and how near the rates above come to it: the volume's and the instance's requests "
        "and bytes per second (clouds), \"virsh blkdeviotune\" (libvirt), iops_* and mbps_* of the disk in \"qm "
        "config\" "
        "(Proxmox VE), throttling.* or a throttle group (QEMU), the drive's rate limiter (Firecracker, Cloud "
        "Hypervisor), the disk profile's QoS (oVirt). If none is, look at what else uses the storage.",
        ""}}};
}

Instructions host_cpu(const std::vector<Platform>& platforms) {
  Instructions result;
  result.summary =
      "The host has promised more CPU time than it has, or limits this guest's. Give the guest fewer vCPUs, the host "
      "fewer guests, or the vCPUs and the IOThreads host CPUs of their own.";
  for_each_platform(platforms, result.steps, &cpu_step);
  return result;
}

Instructions use_virtio(const Topology& topology, const std::vector<Platform>& platforms) {
  Instructions result;
  result.summary = fmt::format(
      "Attach the disk as a virtio disk. {} The disk changes its name: /etc/fstab and the boot loader should refer to "
      "UUIDs (lsblk -f), and the initramfs has to contain virtio_blk or virtio_scsi, before it is moved.",
      kBuses);
  result.steps.push_back({kGuest, "Is the driver there?", "lsinitramfs /boot/initrd.img-$(uname -r) | grep virtio"});
  for_each_platform(platforms, result.steps, [&](Platform platform) {
    return virtio_step(platform, static_cast<unsigned>(topology.online_cpus.size()));
  });
  return result;
}

}  // namespace

Instructions instructions_for(Remedy remedy, const Disk* disk, const Topology& topology,
                              const std::vector<Platform>& platforms) {
  static const Disk no_disk;
  const Disk& of = disk != nullptr ? *disk : no_disk;
  Instructions result;
  switch (remedy) {
    case Remedy::kNone: break;
    case Remedy::kMoreQueues: return more_queues(of, topology, platforms);
    case Remedy::kLiftGuestLimit: return lift_guest_limit();
    case Remedy::kUseMsi: return use_msi(of);
    case Remedy::kSpreadInterrupts: return spread_interrupts(of);
    case Remedy::kMatchQueues: return match_queues(of);
    case Remedy::kDeepenQueue: return deepen_queue(of, topology, platforms);
    case Remedy::kFindHang: return find_hang(of, platforms);
    case Remedy::kFindErrors: return find_errors(of, platforms);
    case Remedy::kHostIo: return host_io(of, topology, platforms);
    case Remedy::kMoveSubmitter: return move_submitter();
    case Remedy::kFindLimit: return find_limit();
    case Remedy::kGuestQueueing: return guest_queueing(of);
    case Remedy::kHostCpu: return host_cpu(platforms);
    case Remedy::kUseVirtio: return use_virtio(topology, platforms);
    case Remedy::kDropElevator: return {"Switch the elevator off.", {{kGuest, "", udev_rule(of)}}};
    case Remedy::kMoreVectors:
      result.summary = "Let the host prepare an interrupt vector for each queue.";
      for_each_platform(platforms, result.steps, [&](Platform platform) {
        return vectors_step(platform, of, static_cast<unsigned>(of.queues.size()));
      });
      break;
    case Remedy::kIndirectDescriptors:
      result.summary = "Let the host offer indirect descriptors. It matters for queues that are full.";
      for_each_platform(platforms, result.steps, &indirect_step);
      break;
  }
  return result;
}

}  // namespace vqscope
