// SPDX-License-Identifier: Apache-2.0
// The parts of remedies that a hypervisor's administrator carries out: a function for each platform, in a file of its
// own. tests/e2e/remedies_test.py gives what they print to QEMU, libvirt's schema, JSON parsers and a shell.
// Pure and thread-safe.
#pragma once

#include <optional>

#include "agent/diagnosis/remedies.h"

namespace vqscope {

enum class DiskKind {
  kVirtioBlk,
  kVirtioScsi,
  kNvme,
  kAta,   // on an emulated bus: SATA, IDE, USB
  kScsi,  // an emulated SCSI adapter
};

DiskKind kind_of(const Disk& disk);
constexpr bool is_virtio(DiskKind kind) { return kind == DiskKind::kVirtioBlk || kind == DiskKind::kVirtioScsi; }
constexpr bool is_emulated(DiskKind kind) { return kind == DiskKind::kAta || kind == DiskKind::kScsi; }

// What of a disk matters to the host.
struct HostDisk {
  DiskKind kind = DiskKind::kVirtioBlk;
  bool mmio = false;    // virtio over MMIO: one interrupt for the whole device
  unsigned queues = 1;  // that it should have
  bool pci = true;      // on PCI
  // The hypervisor has settings for it: not for disks of this guest or a network, or adapters that are passed through.
  bool settable = true;
  bool served = true;                    // the hypervisor, or the provider, is what answers its requests
  bool on_guest = true;                  // the machine is a guest
  std::optional<unsigned> vectors = {};  // of its MSI-X table; absent: not known
};

// The steps of one platform for a remedy of the host's (kMoreQueues, kMoreVectors, kDeepenQueue, kFindHang,
// kFindErrors, kHostIo, kFindLimit, kHostCpu, kUseVirtio, kIndirectDescriptors).
std::vector<Step> host_steps(Remedy remedy, Platform platform, const HostDisk& disk);

// Who carries out what no platform is known for.
inline constexpr const char* kWhoeverRunsIt = "Your provider, or whoever runs the host";

// Adds the same instruction for each platform that is shown.
void add_host_steps(Remedy remedy, const std::vector<Platform>& platforms, const HostDisk& disk,
                    std::vector<Step>& steps);

bool changes_something(const std::vector<Step>& steps);

std::vector<Step> qemu_steps(Remedy remedy, const HostDisk& disk);
std::vector<Step> libvirt_steps(Remedy remedy, const HostDisk& disk);
std::vector<Step> proxmox_steps(Remedy remedy, const HostDisk& disk);
std::vector<Step> ovirt_steps(Remedy remedy, const HostDisk& disk);
std::vector<Step> kubevirt_steps(Remedy remedy, const HostDisk& disk);
std::vector<Step> openstack_steps(Remedy remedy, const HostDisk& disk);
std::vector<Step> firecracker_steps(Remedy remedy, const HostDisk& disk);
std::vector<Step> cloud_hypervisor_steps(Remedy remedy, const HostDisk& disk);

// Sentences that several platforms share.
namespace words {
inline constexpr const char* kRestart =
    "The guest, while it is shut down and started; a reboot inside it is not enough.";
// Queues, rings and vectors are part of a device's migrated state.
inline constexpr const char* kNoDataButState =
    "No data. A state of the machine that was saved before (a snapshot with memory) cannot be loaded afterwards.";
inline constexpr const char* kRingRisk =
    "No data. Firmware that cannot handle the ring does not boot from the disk, and a saved state of before cannot be "
    "loaded.";
inline constexpr const char* kCacheRisk =
    "With O_DIRECT, speed: what the host had in its cache is read from the storage again. A cache mode that ignores "
    "the guest's flushes loses data when the host crashes: take none of that kind.";
inline constexpr const char* kMoveCheck =
    "That a backup can be restored, and in the guest that the initramfs has virtio_pci, virtio_blk and virtio_scsi, "
    "and that /etc/fstab and the boot loader go by UUID.";
inline constexpr const char* kMoveRisk =
    "The guest may not find its root disk and stop while it boots. Nothing on the disk has changed: going back mends "
    "it.";
inline constexpr const char* kNvmeHardware =
    "An NVMe drive that is passed through has the queues and vectors of its hardware; nothing can be set.";
inline constexpr const char* kNoIoThread =
    "Only virtio disks can have an IOThread. Look how the disk is set up, and for limits on it:";
inline constexpr const char* kMmioQueues =
    " Over MMIO all queues share one interrupt, so that they only spare vCPUs the wait for each other's requests; on "
    "PCI each has its own, but that changes the machine.";
inline constexpr const char* kCpuLimits =
    "Look at the host's load, and at limits on the machine's CPU time, which somebody may have set on purpose.";
}  // namespace words

}  // namespace vqscope
