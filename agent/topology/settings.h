// SPDX-License-Identifier: Apache-2.0
// The tunables of a disk's request queue: what somebody may have turned between two recordings.
#pragma once

#include <filesystem>
#include <vector>

#include "agent/topology/topology.h"
#include "agent/topology/tree_reader.h"

namespace vqscope {

// From /sys/block/DISK/queue, sorted by name: those that change how requests are made, merged, placed or completed, and
// all of the elevator's own. A kernel that has not got one, or no sensible value of it, leaves it out; what Disk and
// DiskFacts have a field for is not repeated.
std::vector<QueueSetting> read_queue_settings(TreeReader& reader, const std::filesystem::path& queue);

}  // namespace vqscope
