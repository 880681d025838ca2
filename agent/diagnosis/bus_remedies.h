// SPDX-License-Identifier: Apache-2.0
// The remedy by which a disk leaves a bus that the hypervisor emulates. Pure and thread-safe.
#pragma once

#include <vector>

#include "agent/diagnosis/host_remedies.h"
#include "agent/diagnosis/remedies.h"

namespace vqscope {

// To virtio, or to what the hypervisor has in its place; where that is there already and this guest does not drive it,
// in this guest.
Instructions use_virtio(const Topology& topology, const Disk& disk, const std::vector<Platform>& platforms,
                        const HostDisk& host_disk);

}  // namespace vqscope
