// SPDX-License-Identifier: Apache-2.0
// Interrupt vectors, as the rules about queues argue with them.
#pragma once

#include <string>
#include <vector>

#include "agent/diagnosis/finding.h"

namespace vqscope {

// The kernel command line has pci=nomsi.
bool is_msi_switched_off(const Topology& topology);
// The disk's interrupt is a wire, and the machine has no controller for anything else.
bool lacks_msi_controller(const DiskEvidence& evidence);
// The host prepared vectors, and this guest does not use them.
bool leaves_vectors_unused(const DiskEvidence& evidence);
// There is an interrupt line that serves several of the disk's queues.
bool shares_vector(const DiskEvidence& evidence);
// An NVMe disk that has one queue because its interrupt is a wire: the driver takes no more then.
bool has_one_queue_for_want_of_msi(const DiskEvidence& evidence);
// For a disk that lacks vectors: the host's table, or this guest that does not use it.
Remedy remedy_for_vectors(const DiskEvidence& evidence);
// Sentences about a disk whose interrupt is a wire, and about the table that the host prepared, as far as they are
// known.
std::vector<std::string> about_missing_msi(const DiskEvidence& evidence);
std::vector<std::string> about_msix_table(const DiskEvidence& evidence);
// How many vectors a queue for each vCPU takes, where the table has fewer and the host is asked for queues.
std::vector<std::string> about_wanted_vectors(const DiskEvidence& evidence);

}  // namespace vqscope
