// SPDX-License-Identifier: Apache-2.0
// Reads Topology, and the counters that procfs and sysfs keep, below a root directory.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/topology/device_filter.h"
#include "agent/topology/parse.h"
#include "agent/topology/topology.h"

namespace vqscope {

// Where procfs and sysfs are mounted; tests point it at fixture trees.
struct SystemPaths {
  std::filesystem::path procfs = "/proc";
  std::filesystem::path sysfs = "/sys";
};

// All blk-mq disks that the filter accepts and that have a size, with their queues and interrupts. Fails when
// /sys/block, the list of CPUs or of interrupts, or a disk's size or queues cannot be read, and when anything cannot
// for want of descriptors or memory. A single disk that vanishes meanwhile, or whose files make no sense, is left out
// or keeps its unknown parts absent. The filter sees kernel names ("etherd/e1.1"). `hypervisor` is CPUID's signature,
// see vmm.h.
Result<Topology> scan_topology(const SystemPaths& paths, const DeviceFilter& filter,
                               std::optional<std::string_view> hypervisor);

// Fails when the kernel still has a disk of `before` that `now`, read later, is without, because /sys/block is hidden.
Result<void> check_none_hidden(const SystemPaths& paths, const Topology& before, const Topology& now);

// /sys/kernel/irq/N/per_cpu_count: how often each of the possible CPUs took the interrupt, since boot, by CPU number.
Result<std::vector<std::uint64_t>> read_interrupt_counts(const SystemPaths& paths, std::uint32_t irq,
                                                         const std::vector<std::uint32_t>& possible);

// /proc/diskstats.
Result<std::map<std::string, DiskStats>> read_diskstats(const SystemPaths& paths);

}  // namespace vqscope
