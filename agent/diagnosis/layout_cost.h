// SPDX-License-Identifier: Apache-2.0
// What findings about queues and interrupts say of their cost, and how severe they are by it. Pure and thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/diagnosis/finding.h"
#include "agent/diagnosis/measured.h"

namespace vqscope {

// By the share of the requests' time, and by how busy the vCPU is that takes the interrupts; where not all of that was
// measured it is `unmeasured` at the least. What takes equally long at the device, however it gets there, is no fault
// of the layout that was seen.
Severity severity_by_cost(const DiskEvidence& evidence, Severity unmeasured);

// Of what costs only requests that meet each other: where hardly two do, no more than information, else a warning.
Severity unmeasured_sharing(const Measured& measured);

// A sentence where that is information though not all was measured; else none.
std::vector<std::string> about_few_at_a_time(const Measured& measured);

// Requests that wait in this guest, on average (by Little's law).
double waiting(const Measured& measured);
// With hardly two requests at a time none waits for another.
bool are_several_at_a_time(const Measured& measured);

// By a share of the requests' time.
Severity severity_of_share(double share);

// Sentences: the cost in this guest with its parts, or why it is not known.
std::vector<std::string> about_cost(const DiskEvidence& evidence);

// The same for programs; nothing where nothing was measured.
std::vector<std::pair<std::string, double>> cost_numbers(const Measured& measured);

}  // namespace vqscope
