// SPDX-License-Identifier: Apache-2.0
// Whether there is anything to look at. Pure and thread-safe.
#pragma once

#include "agent/base/result.h"
#include "agent/source/measure_options.h"
#include "agent/topology/topology.h"

namespace vqscope {

// Fails, with the reason, when there is no disk of those that were asked for.
Result<void> check_asked(const Topology& topology, const MeasureOptions& asked);

}  // namespace vqscope
