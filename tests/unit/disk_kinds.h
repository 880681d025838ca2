// SPDX-License-Identifier: Apache-2.0
// A guest with one disk, for each kind of disk that remedies tell apart.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/topology/topology.h"

namespace vqscope::test {

inline Topology guest_with_disk(const char* name, const char* driver, const char* transport, std::uint32_t queues,
                                std::optional<VirtioDevice> virtio = std::nullopt) {
  Topology topology;
  topology.online_cpus = {0, 1, 2, 3};
  topology.possible_cpus = 4;
  topology.vmm = "qemu";
  Disk disk;
  disk.name = name;
  disk.driver = driver;
  disk.transport = transport;
  disk.bus_id = "0000:00:05.0";
  disk.scheduler = "mq-deadline";
  disk.facts.wbt_lat_usec = 2000;
  for (std::uint32_t q = 0; q < queues; ++q) {
    disk.queues.push_back({q, {q}, 128});
    disk.interrupts.push_back({30 + q, q, "line " + std::to_string(q)});
  }
  disk.virtio = virtio;
  topology.disks = {disk};
  return topology;
}

inline std::vector<std::pair<std::string, Topology>> disks_of_every_kind() {
  return {
      {"virtio-blk", guest_with_disk("vda", "virtio_blk", "virtio-pci", 1, VirtioDevice{0, 0})},
      {"virtio-blk, 4 queues", guest_with_disk("vda", "virtio_blk", "virtio-pci", 4, VirtioDevice{0, 0})},
      {"virtio-blk, MMIO", guest_with_disk("vda", "virtio_blk", "virtio-mmio", 1, VirtioDevice{0, 0})},
      {"virtio-scsi", guest_with_disk("sda", "virtio_scsi", "virtio-pci", 1, VirtioDevice{0, 2})},
      {"virtio-scsi, 4 queues", guest_with_disk("sda", "virtio_scsi", "virtio-pci", 4, VirtioDevice{0, 2})},
      {"nvme", guest_with_disk("nvme0n1", "nvme", "pci", 2)},
      {"sata", guest_with_disk("sda", "ahci", "ata", 1)},
      {"emulated scsi", guest_with_disk("sda", "vmw_pvscsi", "scsi", 1)},
  };
}

}  // namespace vqscope::test
