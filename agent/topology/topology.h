// SPDX-License-Identifier: Apache-2.0
// Who the disks are, which hardware queues and interrupts they have, and which CPUs there are: plain data, read
// from procfs and sysfs by scan.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vqscope {

// Which requests a hardware queue takes (enum hctx_type in Linux): reads, requests that are polled for and never
// interrupt, or what has no queues of its own.
enum class QueueType : std::uint8_t { kDefault, kRead, kPoll };

// A blk-mq hardware context, /sys/block/DISK/mq/N.
struct HardwareQueue {
  std::uint32_t index = 0;
  std::vector<std::uint32_t> cpus;     // CPUs whose submissions it takes; empty: not known
  std::optional<std::uint32_t> tags;   // requests that the driver can hold (nr_tags)
  std::optional<QueueType> type = {};  // see queue_types.h; absent: not known

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

// A tunable of a disk, /sys/block/DISK/queue/NAME.
struct QueueSetting {
  std::string name;   // such as "read_ahead_kb"; those of the elevator begin with "iosched/"
  std::string value;  // such as "128" or "write back"

  friend bool operator==(const QueueSetting&, const QueueSetting&) = default;
};

// What can be read of how a disk was set up (facts.h).
struct DiskFacts {
  std::optional<std::uint64_t> virtio_features;    // negotiated with the host; feature n is the bit 1 << n
  std::optional<std::uint32_t> msix_vectors;       // size of the PCI device's MSI-X table; 0: it has none
  std::optional<std::uint32_t> wbt_lat_usec;       // target of writeback throttling; 0: off
  std::optional<std::uint32_t> queue_depth;        // of a SCSI device: commands in all of its queues together
  std::optional<bool> uses_msi = {};               // its interrupts are messages (MSI, MSI-X), and not a wire
  std::optional<std::uint32_t> max_segments = {};  // pieces of memory in one request, at the most
  // Of an NVMe, ATA or SCSI controller on PCI: its vendor << 16 | device, and likewise those of its subsystem, which
  // name who made the board; 0: none
  std::optional<std::uint32_t> pci_id = {}, pci_subsystem = {};
  std::optional<bool> shares_admin_line = {};  // of NVMe: a queue's line is that of the admin queue, too
  std::vector<QueueSetting> settings = {};     // sorted by name (settings.h); empty: of a recording without them

  friend bool operator==(const DiskFacts&, const DiskFacts&) = default;
};

// Layer::kind of a disk that the NVMe driver itself has several paths to.
inline constexpr std::string_view kNvmeMultipath = "nvme-multipath";

// A block device that is made of others: device-mapper, md, NVMe's own multipathing.
struct Layer {
  std::string device;  // kernel disk name, such as "dm-0"
  std::string name;    // the one that people gave it, such as "vg0-root"; empty: none
  std::string kind;    // "LVM", "CRYPT", "mpath" (of dm/uuid), "raid1" (md/level), kNvmeMultipath; empty: not known

  friend bool operator==(const Layer&, const Layer&) = default;
};

// What lies below and above a disk (stacking.h).
struct Stacking {
  std::optional<Layer> layer;        // what the disk is itself; absent: it is not made of others
  std::vector<std::string> made_of;  // the disks below, such as "sdb"
  std::vector<Layer> holders;        // what lies on it and on its partitions, from the lowest up

  friend bool operator==(const Stacking&, const Stacking&) = default;
};

// A block device that is driven by blk-mq.
struct Disk {
  std::string name;            // kernel disk name, such as "vda" or "etherd/e1.1"; sysfs_name() in parse.h
  std::uint64_t identity = 0;  // differs between two disks that bear the same name one after the other
  std::string driver;          // of the controller, such as "virtio_blk", "nvme", "ahci"; empty: none (loop)
  std::string transport;       // how it is reached, see device_path.h: "virtio-pci", "pci", "scsi", "iscsi"
  std::string bus_id;          // such as PCI address "0000:00:02.0"; empty if there is none
  std::string scheduler;       // the elevator in force, such as "none"
  std::vector<HardwareQueue> queues;
  std::optional<std::uint32_t> nr_requests;  // queue/nr_requests: tags of the elevator, if there is one
  std::vector<InterruptLine> interrupts;
  std::optional<VirtioDevice> virtio;
  DiskFacts facts = {};
  Stacking stacking = {};

  friend bool operator==(const Disk&, const Disk&) = default;
};

// Time that the kernel has accounted to one CPU since boot, in clock ticks.
struct CpuTime {
  std::uint64_t total = 0;  // idleness included
  std::uint64_t steal = 0;  // ready to run, while the host ran something else
  // With nothing to run, waiting for disks or not; absent: of an older agent or recording.
  std::optional<std::uint64_t> idle = {};

  friend bool operator==(const CpuTime&, const CpuTime&) = default;
};

// Module parameters that keep the guest from using queues that the host offers, or share them out; absent without the
// module.
struct GuestLimits {
  std::optional<std::uint32_t> virtio_blk_queues;       // virtio_blk.num_request_queues; 0: no limit
  std::optional<std::uint32_t> virtio_blk_poll_queues;  // virtio_blk.poll_queues: taken out of the disk's queues
  std::optional<std::uint32_t> nvme_poll_queues;        // nvme.poll_queues: on top of the others
  std::optional<std::uint32_t> nvme_write_queues = {};  // nvme.write_queues: for all but reads; 0: reads have none

  std::optional<std::uint32_t> xen_blkfront_queues = {};  // xen_blkfront.max_queues: of each disk, at the most
  // virtio_scsi.virtscsi_poll_queues: taken out of the controller's queues
  std::optional<std::uint32_t> virtio_scsi_poll_queues = {};

  friend bool operator==(const GuestLimits&, const GuestLimits&) = default;
};

// What can be read of how the guest was set up.
struct GuestFacts {
  std::vector<std::uint32_t> late_cpus;  // online CPUs that were plugged in after boot
  GuestLimits limits;
  std::optional<std::string> command_line;  // of the kernel
  std::string manager;                      // of the hypervisor, such as "ovirt"; empty if not known
  std::optional<bool> hypervisor = {};      // whether there is one, as vmm.h tells; absent: not known
  std::optional<bool> has_msi = {};         // whether PCI devices can have message interrupts; absent: not known
  std::string architecture = {};            // "s390", "power", "riscv", "arm"; empty: another, or not known

  friend bool operator==(const GuestFacts&, const GuestFacts&) = default;
};

struct Topology {
  std::vector<Disk> disks;  // sorted by name
  std::vector<std::uint32_t> online_cpus;
  std::uint32_t possible_cpus = 0;  // highest possible CPU number + 1
  std::string vmm;                  // hypervisor product, such as "qemu" or "firecracker"; empty if not known
  GuestFacts guest = {};
  std::vector<std::uint32_t> possible_list = {};  // the possible CPUs themselves: there may be gaps

  friend bool operator==(const Topology&, const Topology&) = default;
};

}  // namespace vqscope
