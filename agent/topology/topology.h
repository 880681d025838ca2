// SPDX-License-Identifier: Apache-2.0
// Who the disks are, which hardware queues and interrupts they have, and which CPUs there are: plain data, read
// from procfs and sysfs by scan.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vqscope {

// A blk-mq hardware context, /sys/block/DISK/mq/N.
struct HardwareQueue {
  std::uint32_t index = 0;
  std::vector<std::uint32_t> cpus;    // CPUs whose submissions it takes
  std::optional<std::uint32_t> tags;  // requests that the driver can hold (nr_tags)

  friend bool operator==(const HardwareQueue&, const HardwareQueue&) = default;
};

// An interrupt line that serves one or more of a disk's hardware queues.
struct InterruptLine {
  std::uint32_t irq = 0;
  std::optional<std::uint32_t> queue;  // hardware queue it serves; nullopt: several, or not known which
  std::string action;                  // name of the disk's handler on this line

  friend bool operator==(const InterruptLine&, const InterruptLine&) = default;
};

// Where a disk's notifications are found: the virtqueues of one virtio device.
struct VirtioDevice {
  std::uint32_t index = 0;                // N of virtioN
  std::uint32_t first_request_queue = 0;  // virtqueue index of hardware queue 0

  friend bool operator==(const VirtioDevice&, const VirtioDevice&) = default;
};

// A block device that is driven by blk-mq.
struct Disk {
  std::string name;            // kernel disk name, such as "vda"
  std::uint64_t identity = 0;  // differs between two disks that bear the same name one after the other
  std::string driver;          // of the controller, such as "virtio_blk", "nvme", "ahci"; empty: none (loop)
  std::string transport;       // virtio-pci, virtio-mmio, pci (NVMe), scsi, ata, virtual, other
  std::string bus_id;          // such as PCI address "0000:00:02.0"; empty if there is none
  std::string scheduler;       // the elevator in force, such as "none"
  std::vector<HardwareQueue> queues;
  std::optional<std::uint32_t> nr_requests;  // queue/nr_requests: tags of the elevator, if there is one
  std::vector<InterruptLine> interrupts;
  std::optional<VirtioDevice> virtio;

  friend bool operator==(const Disk&, const Disk&) = default;
};

struct Topology {
  std::vector<Disk> disks;  // sorted by name
  std::vector<std::uint32_t> online_cpus;
  std::uint32_t possible_cpus = 0;  // highest possible CPU number + 1
  std::string vmm;                  // hypervisor product, such as "qemu" or "firecracker"; empty if not known

  friend bool operator==(const Topology&, const Topology&) = default;
};

}  // namespace vqscope
