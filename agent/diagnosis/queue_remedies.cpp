// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/queue_remedies.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/guest_limits.h"
#include "agent/diagnosis/vector_rules.h"

namespace vqscope {

Instructions more_queues(const Disk& disk, const std::vector<Platform>& platforms, const HostDisk& host_disk) {
  Instructions result;
  add_host_steps(Remedy::kMoreQueues, platforms, host_disk, result.steps);
  if (changes_something(result.steps)) {
    result.in_short = "give it a queue for each vCPU, on the host";
    result.summary = fmt::format("Give {} {} queues, one for each vCPU, on the host.", disk.name, host_disk.queues);
    const auto needed = needed_vectors(disk, host_disk.queues);
    if (disk.facts.msix_vectors && needed && *disk.facts.msix_vectors < *needed)
      result.summary += fmt::format(" They need an MSI-X table of {} vectors.", *needed);
  } else if (platforms == std::vector{Platform::kFirecracker}) {
    result.in_short = "nothing: Firecracker gives a disk one queue only";
    result.helps = false;
    result.summary = fmt::format("Firecracker cannot give {} more than one queue.", disk.name);
  } else if (platforms.empty()) {
    result.in_short = "ask whoever runs the host for more queues";
    result.summary = fmt::format("Ask whether {} can have {} queues, one for each vCPU.", disk.name, host_disk.queues);
  } else {
    result.in_short = "nothing: no setting gives it more queues";
    result.helps = false;
    result.summary = fmt::format("No setting that vqscope knows of gives {} more queues.", disk.name);
  }
  return result;
}

Instructions with_guests_part(Instructions host, Instructions guest, bool mmio) {
  if (!host.helps) return host;  // the other alone changes nothing
  host.in_short = "change the host, and then a setting here";
  host.summary = fmt::format(
      "Settings on both sides have to change, and neither side alone gives each vCPU {}. First on the host: {} Then in "
      "this guest: {} All of it takes effect when the guest is shut down and started once after that.",
      mmio ? "a queue" : "a queue with an interrupt of its own", host.summary, guest.summary);
  std::move(guest.steps.begin(), guest.steps.end(), std::back_inserter(host.steps));
  return host;
}

Instructions with_hosts_part(const Topology& topology, const Disk& disk, Instructions guest, Instructions host) {
  guest.summary += fmt::format(
      " That alone brings {} {} queues or more for all its requests. A queue for each of the {} vCPUs takes more "
      "vectors than the host has prepared: ",
      disk.name, queues_without_parameters(topology, disk).value_or(0), topology.online_cpus.size());
  if (!changes_something(host.steps)) {
    guest.summary += "whether it can prepare more, knows whoever runs it.";
    return guest;
  }
  guest.summary += fmt::format("{} The guest is shut down and started for that.", host.summary);
  std::move(host.steps.begin(), host.steps.end(), std::back_inserter(guest.steps));
  return guest;
}

Instructions start_anew(const Disk& disk, const HostDisk& host_disk) {
  return {
      "",
      fmt::format("Let the guest be started with all its {} vCPUs: {} gets its queues then.", host_disk.queues,
                  disk.name),
      {{"On the host",
        "Let its configuration say how many vCPUs there are at boot, those included that were plugged in. If it also "
        "says how many queues the disk has, raise that as well, after the vCPUs. Then shut the guest down and start "
        "it.",
        "",
        Caution{"That nobody needs the guest meanwhile, and what its configuration says now.",
                "The guest, while it is shut down and started; a reboot inside it is not enough.",
                "Write the old numbers back, and start it anew.",
                "No data. Other changes that were made and wait for the next start take effect with it."}}}};
}

Instructions more_vectors(const Disk& disk, const std::vector<Platform>& platforms, HostDisk host_disk) {
  Instructions result;
  if (host_disk.mmio) {
    result.in_short = "nothing: over MMIO a device has one interrupt";
    result.helps = false;
    result.summary = fmt::format("Over MMIO {} has one interrupt for all its queues.", disk.name);
    result.steps = {
        {"On the host",
         "Nothing can be set. On PCI each queue has its own; to move the disk there changes the machine, so it "
         "is a step to plan for itself.",
         ""}};
    return result;
  }
  result.summary = "Let the host prepare an interrupt vector for each queue.";
  // NVMe's driver has taken fewer queues than it is to have.
  if (host_disk.kind != DiskKind::kNvme) host_disk.queues = static_cast<unsigned>(disk.queues.size());
  add_host_steps(Remedy::kMoreVectors, platforms, host_disk, result.steps);
  return result;
}

Instructions queues_or_vectors(const Disk& disk, const std::vector<Platform>& platforms, const HostDisk& host_disk) {
  return disk.queues.size() < host_disk.queues ? more_queues(disk, platforms, host_disk)
                                               : more_vectors(disk, platforms, host_disk);
}

Instructions give_msi_controller(const Disk& disk) {
  return {"give the machine an MSI controller, on the host",
          fmt::format("Let the virtual machine have a controller for message interrupts: without one {} has one wire, "
                      "however many vectors the host prepares.",
                      disk.name),
          {{"On the host",
            "Which interrupt controller there is belongs to the type of the machine, and another one shows the guest "
            "other hardware, so it is a step to plan for itself. QEMU's machine \"virt\" has one for messages on arm64 "
            "with gic-version=2, or with gic-version=3 unless its=off, and on RISC-V with aia=aplic-imsic.",
            ""}}};
}

}  // namespace vqscope
