// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/shortage.h"

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/guest_limits.h"
#include "agent/diagnosis/queue_group.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/vector_rules.h"
#include "agent/topology/facts.h"

namespace vqscope {

namespace {

// Whether it is seen that with the guest's limit lifted the host's would hold: one queue is all that it offers, or
// there are no vectors for more queues that interrupt than now, or, where NVMe's queues would be shared out anew, for
// one for each vCPU. What the hardware has is no limit of the host.
bool is_limited_by_host_too(const DiskEvidence& evidence) {
  const Disk& disk = evidence.disk;
  const bool is_nvme = disk.driver == "nvme";
  if (!(disk.virtio || is_nvme) || is_passed_through(evidence.topology, disk)) return false;
  const auto features = disk.facts.virtio_features;
  if (disk.driver == "virtio_blk" && features && !has_blk_multiqueue(*features)) return true;
  const std::size_t wanted =
      is_nvme ? evidence.topology.online_cpus.size() : disk.queues.size() + (is_at_parameter(evidence) ? 1 : 0);
  return disk.facts.msix_vectors && *disk.facts.msix_vectors < needed_vectors(disk, wanted);
}

// The host's part is queues; with a wire for an interrupt they would all share it.
bool lacks_msi_besides(const DiskEvidence& evidence) {
  return evidence.disk.virtio && evidence.disk.facts.uses_msi == false && leaves_vectors_unused(evidence);
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
  // NVMe's driver asks for a queue for each possible CPU (nvme_max_io_queues() in Linux), plugged in or not.
  const std::size_t late = evidence.disk.driver == "nvme" ? 0 : evidence.topology.guest.late_cpus.size();
  return late > 0 && queues == cpus - late ? Shortage::kHotplug : Shortage::kHost;
}

bool guest_alone_helps(const DiskEvidence& evidence) {
  return queues_without_parameters(evidence.topology, evidence.disk).value_or(0) > judged_queues(evidence).queues;
}

Remedy remedy_of(Shortage shortage, const DiskEvidence& evidence) {
  switch (shortage) {
    case Shortage::kNone: return Remedy::kNone;
    case Shortage::kGuestLimit: return Remedy::kLiftGuestLimit;
    case Shortage::kBothLimits:
      return guest_alone_helps(evidence) ? Remedy::kLiftLimitThenMoreQueues : Remedy::kMoreQueuesAndLiftLimit;
    case Shortage::kNoMsi: return remedy_for_vectors(evidence);
    case Shortage::kHotplug: return Remedy::kStartAnew;
    case Shortage::kHost: break;
  }
  if (may_be_xens_default(evidence)) return Remedy::kLiftGuestLimit;
  return lacks_msi_besides(evidence) ? Remedy::kMoreQueuesAndUseMsi : Remedy::kMoreQueues;
}

}  // namespace vqscope
