// SPDX-License-Identifier: Apache-2.0
// The remedies by which a disk gets queues and interrupt vectors, where the host has a part in them. Pure and
// thread-safe.
#pragma once

#include <vector>

#include "agent/diagnosis/host_remedies.h"
#include "agent/diagnosis/remedies.h"

namespace vqscope {

Instructions more_queues(const Disk& disk, const std::vector<Platform>& platforms, const HostDisk& host_disk);
Instructions more_vectors(const Disk& disk, const std::vector<Platform>& platforms, HostDisk host_disk);
// Where there are queues enough, so that they are only shared out or have no vectors, it is vectors that the host has
// to add.
Instructions queues_or_vectors(const Disk& disk, const std::vector<Platform>& platforms, const HostDisk& host_disk);

// In the order in which it is safe: with more queues and no vectors for them all would share one interrupt. `guest` is
// what remains in this guest then.
Instructions with_guests_part(Instructions host, Instructions guest, bool mmio);
// Where this guest's part brings queues by itself: that first, and then what the host can do for a queue for each vCPU.
Instructions with_hosts_part(const Topology& topology, const Disk& disk, Instructions guest, Instructions host);

Instructions start_anew(const Disk& disk, const HostDisk& host_disk);
Instructions give_msi_controller(const Disk& disk);

}  // namespace vqscope
