// SPDX-License-Identifier: Apache-2.0
#include "agent/view/disk_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "agent/diagnosis/phrases.h"
#include "agent/topology/facts.h"
#include "agent/topology/vmm.h"

namespace vqscope {

std::string online_cpus_of(const Topology& topology) {
  return plural(static_cast<double>(topology.online_cpus.size()), is_guest(topology) ? "online vCPU" : "online CPU");
}

std::string who_is(const Disk& disk) {
  std::vector<std::string> who;
  for (const std::string& part : {disk.driver, disk.transport, disk.bus_id})
    if (!part.empty()) who.push_back(part);
  if (!disk.scheduler.empty()) who.push_back("elevator " + disk.scheduler);
  return fmt::format("{}", fmt::join(who, ", "));
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
