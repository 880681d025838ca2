// SPDX-License-Identifier: Apache-2.0
// What findings about queues and interrupts say of their cost, and how severe they are by it. Pure and thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/diagnosis/finding.h"
#include "agent/diagnosis/measured.h"

namespace vqscope {

// By the share of the requests' time, and by how busy the vCPU is that takes the interrupts; a warning where that was
// not measured. What takes equally long at the device, however it gets there, is no fault of the layout that was seen.
Severity severity_by_cost(const DiskEvidence& evidence);

// By a share of the requests' time.
Severity severity_of_share(double share);

// Sentences: the cost in this guest with its parts, or why it is not known.
std::vector<std::string> about_cost(const DiskEvidence& evidence);

// The same for programs; nothing where nothing was measured.
std::vector<std::pair<std::string, double>> cost_numbers(const Measured& measured);

}  // namespace vqscope
