// SPDX-License-Identifier: Apache-2.0
// What the guest can read of how its disks and itself were set up, beyond names and queues: what the diagnosis argues
// with. Parsers take bytes or text; what makes no sense is absent, never a guess.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/topology/scan.h"
#include "agent/topology/tree_reader.h"

namespace vqscope {

// Bits of DiskFacts::virtio_features (virtio 1.2, 5.2.3 and 6).
// VIRTIO_BLK_F_MQ: the host offers more than one request queue.
constexpr bool has_blk_multiqueue(std::uint64_t features) { return (features >> 12 & 1) != 0; }
// VIRTIO_RING_F_INDIRECT_DESC
constexpr bool has_indirect_descriptors(std::uint64_t features) { return (features >> 28 & 1) != 0; }

// "0010...": /sys/bus/virtio/devices/virtioN/features, bit 0 first; the first 64 of them.
std::optional<std::uint64_t> parse_virtio_features(std::string_view text);

// Number of vectors in the MSI-X table of a PCI device with this configuration space (PCI 3.0, 6.8.2), of which as much
// is given as could be read; 0 when the device has no such table, nullopt when that cannot be told.
std::optional<std::uint32_t> parse_msix_vectors(std::string_view config);

// The time of each CPU from /proc/stat's cpuN lines, by CPU number; offline CPUs have none.
std::vector<CpuTime> parse_cpu_times(std::string_view text);

// CPUs that have been running for clearly shorter than the one that has run longest: they were plugged in or switched
// on after boot. The kernel accounts every tick of an online CPU to something, be it idleness.
std::vector<std::uint32_t> latecomers(const std::vector<CpuTime>& times, const std::vector<std::uint32_t>& online);

// Online CPUs that were plugged in after boot: those of which sysfs says so, or in a copy of it latecomers().
std::vector<std::uint32_t> late_cpus(TreeReader& reader, const SystemPaths& paths,
                                     const std::vector<std::uint32_t>& online);

// What manages the hypervisor, from DMI: "ovirt", "proxmox", "openstack", "kubevirt", or the name of a provider or
// product in which the user cannot set these things ("Nutanix AHV"); empty if nothing tells.
std::string detect_manager(TreeReader& reader, const std::filesystem::path& sysfs);

// /proc/stat; nullopt when it cannot be read.
std::optional<std::vector<CpuTime>> read_cpu_times(const SystemPaths& paths);

// Fills Topology::guest, and Disk::facts and the types of the queues of all disks.
void read_facts(TreeReader& reader, const SystemPaths& paths, Topology& topology);

// Takes over what takes rights to read, so that an agent that gave up its rights knows it only from before: the
// hypervisor, as far as ACPI tables told it, and the sizes of MSI-X tables (configuration space beyond 64 bytes:
// CAP_SYS_ADMIN) of disks that are still the same. A disk that came later has none.
void keep_facts_of_root(const Topology& before, Topology& now);

}  // namespace vqscope
