// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/shortage.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/queue_group.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/vector_rules.h"
#include "agent/topology/facts.h"

namespace vqscope {

namespace {

// xen_blkfront.max_queues, unless somebody sets it (drivers/block/xen-blkfront.c).
constexpr std::uint32_t kXenQueues = 4;

double count(std::size_t number) { return static_cast<double>(number); }

// The driver takes so many queues by itself, and no more than there were CPUs when it started (xlblk_init).
bool is_xens_default(const DiskEvidence& evidence) {
  const GuestFacts& guest = evidence.topology.guest;
  const std::size_t at_start = evidence.topology.online_cpus.size() - guest.late_cpus.size();
  return guest.limits.xen_blkfront_queues == std::min<std::size_t>(kXenQueues, at_start) &&
         guest.command_line.value_or("").find("xen_blkfront.max_queues=") == std::string::npos;
}

// What is polled, or has queues of its own, took them from the others.
bool are_shared_out(const DiskEvidence& evidence) {
  return interrupt_queues(evidence) < evidence.disk.queues.size() || judged_queues(evidence).type;
}

// The module parameter is the cause only if it is what the driver took: min(parameter, what the host offers).
bool is_at_parameter(const DiskEvidence& evidence) {
  const GuestLimits& limits = evidence.topology.guest.limits;
  const std::size_t queues = evidence.disk.queues.size();
  if (evidence.disk.transport == "xen")
    return limits.xen_blkfront_queues.value_or(0) == queues && !is_xens_default(evidence);
  return evidence.disk.driver == "virtio_blk" && limits.virtio_blk_queues.value_or(0) == queues;
}

bool is_limited_by_guest(const DiskEvidence& evidence) {
  const std::string& driver = evidence.disk.driver;
  const bool has_types = driver == "nvme" || driver == "virtio_scsi" || driver == "virtio_blk";
  return is_at_parameter(evidence) || (has_types && are_shared_out(evidence));
}

// Whether it is seen that with the guest's limit lifted the host's would hold: one queue is all that it offers, or
// there are no vectors for more queues that interrupt than now.
bool is_limited_by_host_too(const DiskEvidence& evidence) {
  const Disk& disk = evidence.disk;
  if (!disk.virtio) return false;
  const auto features = disk.facts.virtio_features;
  if (disk.driver == "virtio_blk" && features && !has_blk_multiqueue(*features)) return true;
  const std::size_t wanted = disk.queues.size() + (is_at_parameter(evidence) ? 1 : 0);
  return disk.facts.msix_vectors && *disk.facts.msix_vectors < needed_vectors(disk, wanted);
}

// The host's part is queues; with a wire for an interrupt they would all share it.
bool lacks_msi_besides(const DiskEvidence& evidence) {
  return evidence.disk.virtio && evidence.disk.facts.uses_msi == false &&
         (evidence.disk.facts.msix_vectors || is_msi_switched_off(evidence.topology)) &&
         remedy_for_vectors(evidence) == Remedy::kUseMsi;
}

}  // namespace

Shortage shortage(const DiskEvidence& evidence) {
  const std::size_t queues = judged_queues(evidence).queues, cpus = evidence.topology.online_cpus.size();
  const bool passed_through = is_passed_through(evidence.topology, evidence.disk);
  if (!(hypervisor_sets_queues(evidence.topology, evidence.disk) || passed_through) || is_emulated(evidence) ||
      queues == 0 || queues >= cpus)
    return Shortage::kNone;
  if (is_limited_by_guest(evidence))
    return is_limited_by_host_too(evidence) ? Shortage::kBothLimits : Shortage::kGuestLimit;
  if (has_one_queue_for_want_of_msi(evidence) && (!passed_through || remedy_for_vectors(evidence) == Remedy::kUseMsi))
    return Shortage::kNoMsi;
  if (passed_through) return Shortage::kNone;  // what the hardware has is nobody's to change
  const std::size_t late = evidence.topology.guest.late_cpus.size();
  return late > 0 && queues == cpus - late ? Shortage::kHotplug : Shortage::kHost;
}

Remedy remedy_of(Shortage shortage, const DiskEvidence& evidence) {
  switch (shortage) {
    case Shortage::kNone: return Remedy::kNone;
    case Shortage::kGuestLimit: return Remedy::kLiftGuestLimit;
    case Shortage::kBothLimits: return Remedy::kMoreQueuesAndLiftLimit;
    case Shortage::kNoMsi: return remedy_for_vectors(evidence);
    case Shortage::kHotplug: return Remedy::kStartAnew;
    case Shortage::kHost: break;
  }
  if (may_be_xens_default(evidence)) return Remedy::kLiftGuestLimit;
  return lacks_msi_besides(evidence) ? Remedy::kMoreQueuesAndUseMsi : Remedy::kMoreQueues;
}

bool may_be_xens_default(const DiskEvidence& evidence) {
  return evidence.disk.transport == "xen" && is_xens_default(evidence) &&
         evidence.topology.guest.limits.xen_blkfront_queues == evidence.disk.queues.size();
}

std::vector<Parameter> limiting_parameters(const DiskEvidence& evidence) {
  const GuestLimits& limits = evidence.topology.guest.limits;
  const Disk& disk = evidence.disk;
  const bool is_nvme = disk.driver == "nvme";
  const std::string command_line = evidence.topology.guest.command_line.value_or("");
  const auto source = [&](const std::string& parameter) {
    return command_line.find(parameter + "=") == std::string::npos
               ? std::string()
               : " The kernel command line (/proc/cmdline) sets it.";
  };
  std::vector<Parameter> parameters;
  if (const auto limit = limits.virtio_blk_queues.value_or(0); disk.driver == "virtio_blk" && limit > 0)
    parameters.push_back({fmt::format("The module parameter virtio_blk.num_request_queues is {}.{}", limit,
                                      source("virtio_blk.num_request_queues")),
                          "num_request_queues", static_cast<double>(limit)});
  if (disk.transport == "xen" && limits.xen_blkfront_queues)
    parameters.push_back({fmt::format("The module parameter xen_blkfront.max_queues is {}.{} What the host offers does "
                                      "not show here; it may be as few.",
                                      *limits.xen_blkfront_queues, source("xen_blkfront.max_queues")),
                          "max_queues", static_cast<double>(*limits.xen_blkfront_queues)});
  if (judged_queues(evidence).type) {
    const std::size_t reads = group_of_type(evidence, QueueType::kRead).queues;
    parameters.push_back(
        {fmt::format("{}Reads have {}, all other requests {}.{}",
                     limits.nvme_write_queues
                         ? fmt::format("The module parameter nvme.write_queues is {}. ", *limits.nvme_write_queues)
                         : "",
                     plural(count(reads), "queue"), count(interrupt_queues(evidence) - reads),
                     source("nvme.write_queues")),
         "write_queues", count(interrupt_queues(evidence) - reads)});
  }
  if (const std::size_t polled = disk.queues.size() - interrupt_queues(evidence); polled > 0) {
    const std::string parameter = is_nvme                        ? "nvme.poll_queues"
                                  : disk.driver == "virtio_scsi" ? "virtio_scsi.virtscsi_poll_queues"
                                                                 : "virtio_blk.poll_queues";
    parameters.push_back(
        {fmt::format("{} polled (module parameter {}): only requests that ask for it, as by io_uring, go there{}.{}",
                     polled == 1 ? "1 queue is" : fmt::format("{} queues are", polled), parameter,
                     evidence.measured.has_requests
                         ? fmt::format(", {}/s in this time", grouped(group_of_type(evidence, QueueType::kPoll).rate))
                         : "",
                     source(parameter)),
         "poll_queues", count(polled)});
  }
  return parameters;
}

}  // namespace vqscope
