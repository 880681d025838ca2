// SPDX-License-Identifier: Apache-2.0
// How the configuration differs between two moments, as the guest sees it. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "agent/recording/header.h"
#include "agent/topology/topology.h"

namespace vqscope {

// A property of the guest or of a disk that is not the same.
struct TopologyChange {
  std::string what;  // "vda: hardware queues"
  std::string before, after;
};

// Of one disk; called by its name `after`. What is not known of one of them is no change.
std::vector<TopologyChange> changes_between(const Disk& before, const Disk& after);

// Of the guest: its vCPUs, its kernel, what runs it and which vqscope recorded it.
std::vector<TopologyChange> changes_between(const RecordingHeader& header_before, const Topology& before,
                                            const RecordingHeader& header_after, const Topology& after);

}  // namespace vqscope
