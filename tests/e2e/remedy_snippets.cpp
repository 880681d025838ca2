// SPDX-License-Identifier: Apache-2.0
// Prints all that remedies tell people to copy, as JSON, for remedies_test.py to give to the real tools.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/diagnosis/remedies.h"

namespace {

using namespace vqscope;

Topology guest_with(std::string driver, std::optional<VirtioDevice> virtio) {
  Topology topology;
  topology.online_cpus = {0, 1, 2, 3};
  topology.possible_cpus = 4;
  Disk disk;
  disk.name = "vda";
  disk.driver = std::move(driver);
  disk.transport = virtio ? "virtio-pci" : "pci";
  disk.scheduler = "mq-deadline";
  disk.facts.wbt_lat_usec = 2000;
  for (std::uint32_t q = 0; q < 4; ++q) {
    disk.queues.push_back({q, {q}, 128});
    disk.interrupts.push_back({30 + q, q, "virtio0-req." + std::to_string(q)});
  }
  disk.virtio = virtio;
  topology.disks = {disk};
  return topology;
}

}  // namespace

int main() {
  nlohmann::json snippets = nlohmann::json::array();
  const std::pair<const char*, Topology> guests[] = {
      {"virtio-blk", guest_with("virtio_blk", VirtioDevice{0, 0})},
      {"virtio-scsi", guest_with("virtio_scsi", VirtioDevice{0, 2})},
      {"nvme", guest_with("nvme", std::nullopt)},
  };
  for (const auto& [kind, topology] : guests)
    for (int remedy = static_cast<int>(Remedy::kMoreQueues); remedy <= static_cast<int>(Remedy::kIndirectDescriptors);
         ++remedy)
      for (const Platform platform : kPlatforms)
        for (const Step& step :
             instructions_for(static_cast<Remedy>(remedy), &topology.disks[0], topology, {platform}).steps)
          if (!step.snippet.empty())
            snippets.push_back({{"disk", kind},
                                {"remedy", remedy},
                                {"platform", name_of(platform)},
                                {"where", step.where},
                                {"snippet", step.snippet}});
  std::puts(snippets.dump().c_str());
  return 0;
}
