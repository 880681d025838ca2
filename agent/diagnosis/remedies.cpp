// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/remedies.h"

#include <fmt/format.h>

#include <utility>

#include "agent/diagnosis/bus_remedies.h"
#include "agent/diagnosis/controller_ids.h"
#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/guest_limits.h"
#include "agent/diagnosis/guest_remedies.h"
#include "agent/diagnosis/host_remedies.h"
#include "agent/diagnosis/queue_remedies.h"
#include "agent/diagnosis/vector_rules.h"
#include "agent/topology/vmm.h"

namespace vqscope {

namespace {

Instructions host_io(const Disk& disk, const Topology& topology, const std::vector<Platform>& platforms,
                     const HostDisk& host_disk) {
  Instructions result;
  if (is_passed_through(topology, disk)) {
    result.in_short = "look at the drive, which is passed through";
    result.summary = fmt::format(
        "{} is passed through: the drive answers this guest itself, and nothing on the host serves its queues. Look at "
        "what in this guest uses it at these times (discards, writes, a file system's journal), at its health and "
        "temperature (smartctl, nvme-cli), and whether the host runs the vCPUs all the time.",
        disk.name);
    return result;
  }
  if (platforms.empty()) {
    result.in_short = "ask whoever runs the host what is slow";
    result.summary = fmt::format(
        "Find out whether {} or the instance is at a limit of its type at these times, bursts included; who else uses "
        "the storage, and how it is served, knows whoever runs the host.",
        disk.name);
  } else {
    result.summary = fmt::format(
        "Find out on the host what is slow: who else uses the storage of {}, whether a limit is set on it, and how it "
        "is served. Change one thing at a time, and measure before and after it.",
        disk.name);
  }
  add_host_steps(Remedy::kHostIo, platforms, host_disk, result.steps);
  return result;
}

// "the host" of a guest's virtual disk; what answers otherwise is told of as what it is.
std::string_view who_answers(const HostDisk& host_disk) { return host_disk.settable ? "the host" : "the device"; }

Instructions deepen_queue(const Disk& disk, const std::vector<Platform>& platforms, const HostDisk& host_disk) {
  Instructions result;
  result.summary =
      "First find out which it is: if throughput stays the same with fewer requests in flight, the storage is "
      "saturated, and a longer queue would only make requests wait elsewhere.";
  add_host_steps(Remedy::kDeepenQueue, platforms, host_disk, result.steps);
  if (changes_something(result.steps))
    result.summary += " If it falls, lengthen the queue on the host, or give the disk more queues.";
  else if (!host_disk.settable)
    result.summary += " If it falls, the queue is too short, and the adapter's driver may take a parameter for it.";
  else if (!platforms.empty())
    result.summary +=
        fmt::format(" If it falls, the queue is too short, and no setting of the host makes it longer.{}",
                    disk.virtio ? " Smaller requests (queue/max_sectors_kb) take fewer of its entries." : "");
  result.steps.insert(
      result.steps.begin(),
      {kGuest,
       "Which limit is reached: the elevator's (the first number) or the driver's (the second). Where the first is the "
       "smaller one, it is this guest that holds requests back; it takes a higher number until the next boot.",
       fmt::format("cat {} /sys/block/{}/mq/0/nr_tags", queue_attribute(disk, "nr_requests"), shell_name(disk))});
  return result;
}

// Of a ring that requests do not find room in.
Instructions make_room(const Disk& disk, const std::vector<Platform>& platforms, const HostDisk& host_disk) {
  const std::string path = queue_attribute(disk, "max_sectors_kb"), read_ahead = queue_attribute(disk, "read_ahead_kb");
  Instructions result;
  result.in_short =
      disk.virtio ? "find out if the ring is short or the host busy" : "find out if the adapter or the storage is full";
  result.summary = fmt::format(
      "First find out which it is: make the requests smaller, so that more of them find room. If the bytes per second "
      "stay the same, {} does all that it can, and nothing {} is to be mended; go back then.",
      who_answers(host_disk), host_disk.on_guest ? "in this guest" : "here");
  add_host_steps(Remedy::kDeepenQueue, platforms, host_disk, result.steps);
  result.summary += changes_something(result.steps)
                        ? " If they rise, lengthen the queue on the host, or give the disk more queues."
                        : " If they rise, leave it so.";
  result.steps.insert(
      result.steps.begin(),
      {kGuest, "No request larger than 64 KiB, until the next boot:", fmt::format("echo 64 > {}", path),
       Caution{fmt::format("grep . {} {}: what both are now, and whether the first is more than 64. Write them down: "
                           "the kernel may change the read-ahead with it.",
                           path, read_ahead),
               "Nothing.",
               fmt::format("echo the old value into {}, and then that of the read-ahead into {}; or reboot.", path,
                           read_ahead),
               "No data. Large reads and writes take more requests, each of which costs CPU time."}});
  return result;
}

Instructions find_hang(const Disk& disk, const std::vector<Platform>& platforms, const HostDisk& host_disk) {
  Instructions result;
  result.summary = "Find out who holds the request: the kernel handed it over and waits.";
  result.steps.push_back({kGuest, "What it is, and what the kernel says of it:",
                          fmt::format("cat /sys/kernel/debug/block/{}/hctx*/busy\n"
                                      "dmesg -T | grep -iE 'blocked for more|timeout|reset|I/O error' | tail",
                                      shell_name(disk))});
  add_host_steps(Remedy::kFindHang, platforms, host_disk, result.steps);
  return result;
}

Instructions find_errors(const Disk& disk, const std::vector<Platform>& platforms, const HostDisk& host_disk) {
  Instructions result;
  result.summary =
      "Save what can be saved, before anything else. Then find out why: is the storage behind it full (a thin pool, a "
      "sparse image), unreachable or broken? Check a file system only when the storage is sound again, and never while "
      "it is mounted.";
  result.steps.push_back(
      {kGuest, "What failed, and where on the disk:", fmt::format("dmesg -T | grep -E 'error|{}' | tail", disk.name)});
  add_host_steps(Remedy::kFindErrors, platforms, host_disk, result.steps);
  return result;
}

Instructions find_limit(const std::vector<Platform>& platforms, const HostDisk& host_disk) {
  Instructions result;
  result.summary =
      "Find out which it is: let the application keep half as many requests in flight (half its threads or depth). If "
      "as many requests/s get through and each takes half as long, something lets no more through: a limit, or storage "
      "that is saturated. If half as many get through, the storage takes that long for each of them. If no limit is "
      "set, look at what else uses the storage.";
  if (platforms.empty() && host_disk.served)
    result.steps.push_back({kWhoeverRunsIt,
                            "Compare the rates above with the requests and bytes per second that the volume's type and "
                            "the instance's size allow.",
                            ""});
  else
    add_host_steps(Remedy::kFindLimit, platforms, host_disk, result.steps);
  return result;
}

Instructions host_cpu(const std::vector<Platform>& platforms) {
  Instructions result;
  result.summary =
      "The host has promised more CPU time than it has, or limits this guest's. Give the guest fewer vCPUs, the host "
      "fewer guests, or the vCPUs and the IOThreads host CPUs of their own.";
  add_host_steps(Remedy::kHostCpu, platforms, {}, result.steps);
  return result;
}

// What can be said without knowing more, in 48 characters at the most.
std::string_view in_short(Remedy remedy) {
  switch (remedy) {
    case Remedy::kNone: return "nothing that vqscope knows of";
    case Remedy::kMoreQueues: break;
    case Remedy::kStartAnew: return "let it be started with all its vCPUs";
    case Remedy::kMoreQueuesAndLiftLimit:
    case Remedy::kMoreQueuesAndUseMsi: break;
    case Remedy::kLiftLimitThenMoreQueues:
    case Remedy::kLiftGuestLimit: return "change a module parameter here, and reboot";
    case Remedy::kUseMsi: return "find out why this guest leaves MSI-X unused";
    case Remedy::kSpreadInterrupts: return "let each queue interrupt a vCPU that it serves";
    case Remedy::kMatchQueues: return "let requests end on the vCPU that submitted them";
    case Remedy::kDeepenQueue: return "find out if the storage or the queue is full";
    case Remedy::kDeepenLun: return "find out if the storage is full, or its limit low";
    case Remedy::kMakeRoom: break;
    case Remedy::kFindHang: return "find out who holds the request";
    case Remedy::kFindErrors: return "save what can be saved, then find out why";
    case Remedy::kHostIo: return "find out on the host what is slow";
    case Remedy::kMoveSubmitter: return "run the process on the vCPU that is interrupted";
    case Remedy::kFindLimit: return "find out whether it is a limit or the storage";
    case Remedy::kGuestQueueing: return "find out what holds them back in this kernel";
    case Remedy::kHostCpu: return "get CPU time on the host for this guest";
    case Remedy::kUseVirtio: return "attach it to a bus that was made for guests";
    case Remedy::kDropElevator: return "switch the elevator off";
    case Remedy::kSpareElevatorLock: return "switch the elevator off, or try kyber";
    case Remedy::kMoreVectors: return "let the host prepare a vector for each queue";
    case Remedy::kIndirectDescriptors: return "let the host offer indirect descriptors";
  }
  return "";
}

const Disk& disk_or_none(const Disk* disk) {
  static const Disk none;
  return disk != nullptr ? *disk : none;
}

// As many queues as there should be.
HostDisk host_disk_of(const Topology& topology, const Disk* disk) {
  const Disk& of = disk_or_none(disk);
  const bool guest = is_guest(topology);
  return {kind_of(of),
          of.transport == "virtio-mmio",
          static_cast<unsigned>(topology.online_cpus.size()),
          of.transport != "virtio-ccw",
          disk == nullptr || is_emulated(topology, of) ||
              (hypervisor_sets_queues(topology, of) && !(is_of_unknown_maker(of) && may_be_own_host(topology))),
          guest && is_hosts_disk(of) && !is_passed_through(topology, of),
          guest,
          of.facts.msix_vectors};
}

WithoutMsi why_without_msi(const Disk& disk, const Topology& topology) {
  const bool wired = disk.facts.uses_msi == false;
  if (wired && is_msi_switched_off(topology)) return WithoutMsi::kSwitchedOff;
  const bool seen = disk.facts.msix_vectors && (!wired || topology.guest.has_msi == true);
  return seen ? WithoutMsi::kUnused : WithoutMsi::kNotKnown;
}

Instructions choose(Remedy remedy, const Disk* disk, const Topology& topology, const std::vector<Platform>& platforms) {
  const Disk& of = disk_or_none(disk);
  const HostDisk host_disk = host_disk_of(topology, disk);
  const WithoutMsi without_msi = why_without_msi(of, topology);
  const bool msi_off = without_msi == WithoutMsi::kSwitchedOff;
  const auto lift_limit = [&](bool host_is_told) {
    return (msi_off ? lift_guest_limit_and_use_msi : lift_guest_limit)(of, host_disk.queues, host_is_told);
  };
  Instructions result;
  switch (remedy) {
    case Remedy::kNone: break;
    case Remedy::kMoreQueues: return more_queues(of, platforms, host_disk);
    case Remedy::kStartAnew: return start_anew(of, host_disk);
    case Remedy::kLiftGuestLimit: return lift_limit(false);
    case Remedy::kUseMsi: return use_msi(of, without_msi);
    case Remedy::kMoreQueuesAndLiftLimit:
      return with_guests_part(queues_or_vectors(of, platforms, host_disk), lift_limit(true), host_disk.mmio);
    case Remedy::kLiftLimitThenMoreQueues:
      return with_hosts_part(topology, of, lift_limit(true), queues_or_vectors(of, platforms, host_disk));
    case Remedy::kMoreQueuesAndUseMsi:
      return with_guests_part(queues_or_vectors(of, platforms, host_disk), use_msi(of, without_msi), host_disk.mmio);
    case Remedy::kSpreadInterrupts: return spread_interrupts(of);
    case Remedy::kMatchQueues: return match_queues(of);
    case Remedy::kDeepenQueue: return deepen_queue(of, platforms, host_disk);
    case Remedy::kDeepenLun: return deepen_lun(of);
    case Remedy::kMakeRoom: return make_room(of, platforms, host_disk);
    case Remedy::kFindHang: return find_hang(of, platforms, host_disk);
    case Remedy::kFindErrors: return find_errors(of, platforms, host_disk);
    case Remedy::kHostIo: return host_io(of, topology, platforms, host_disk);
    case Remedy::kMoveSubmitter: return move_submitter();
    case Remedy::kFindLimit: return find_limit(platforms, host_disk);
    case Remedy::kGuestQueueing: return guest_queueing(of);
    case Remedy::kHostCpu: return host_cpu(platforms);
    case Remedy::kUseVirtio: return use_virtio(topology, of, platforms, host_disk);
    case Remedy::kMoreVectors:
      return of.facts.uses_msi == false && topology.guest.has_msi == false ? give_msi_controller(of)
                                                                           : more_vectors(of, platforms, host_disk);
    case Remedy::kSpareElevatorLock: return spare_elevator_lock(of);
    case Remedy::kDropElevator:
      result.summary = "Switch the elevator off.";
      result.steps = drop_elevator(of);
      break;
    case Remedy::kIndirectDescriptors:
      result.summary = fmt::format("Let {} offer indirect descriptors. It matters for queues that are full.",
                                   who_answers(host_disk));
      add_host_steps(remedy, platforms, host_disk, result.steps);
      break;
  }
  return result;
}

}  // namespace

Instructions instructions_for(Remedy remedy, const Disk* disk, const Topology& topology,
                              const std::vector<Platform>& platforms) {
  // What an emulated controller lacks it gets on another bus only.
  if (is_emulated(topology, disk_or_none(disk)) &&
      (remedy == Remedy::kMoreQueues || remedy == Remedy::kMoreQueuesAndLiftLimit ||
       remedy == Remedy::kLiftLimitThenMoreQueues || remedy == Remedy::kMoreQueuesAndUseMsi ||
       remedy == Remedy::kMoreVectors || remedy == Remedy::kDeepenQueue || remedy == Remedy::kMakeRoom ||
       remedy == Remedy::kIndirectDescriptors))
    remedy = Remedy::kUseVirtio;
  Instructions result = choose(remedy, disk, topology, platforms);
  if (result.in_short.empty()) result.in_short = in_short(remedy);
  if (!is_guest(topology))
    for (Step& step : result.steps)
      if (step.where == kGuest) step.where = kMachine;
  return result;
}

bool queues_can_be_set(const DiskEvidence& evidence) {
  const auto platforms = choose_platforms(evidence.topology, evidence.platform).platforms;
  return changes_something(instructions_for(Remedy::kMoreQueues, &evidence.disk, evidence.topology, platforms).steps);
}

}  // namespace vqscope
