// SPDX-License-Identifier: Apache-2.0
#include "agent/view/disk_words.h"

#include <fmt/format.h>

#include "agent/diagnosis/phrases.h"
#include "agent/topology/facts.h"
#include "agent/topology/vmm.h"

namespace vqscope {

std::string online_cpus_of(const Topology& topology) {
  return plural(static_cast<double>(topology.online_cpus.size()), is_guest(topology) ? "online vCPU" : "online CPU");
}

std::string setup_of(const Disk& disk, const Topology& topology) {
  std::string text =
      fmt::format("{} for {}", plural(static_cast<double>(disk.queues.size()), "queue"), online_cpus_of(topology));
  if (!disk.queues.empty() && disk.queues[0].tags)
    text += fmt::format(", {} each", plural(*disk.queues[0].tags, "request"));
  if (disk.facts.msix_vectors) text += fmt::format("; {}", plural(*disk.facts.msix_vectors, "MSI-X vector"));
  if (const auto features = disk.facts.virtio_features) {
    if (disk.driver == "virtio_blk") text += has_blk_multiqueue(*features) ? "; multiqueue on" : "; multiqueue off";
    text += has_indirect_descriptors(*features) ? ", indirect descriptors on" : ", indirect descriptors off";
  }
  return text;
}

}  // namespace vqscope
