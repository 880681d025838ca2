// SPDX-License-Identifier: Apache-2.0
// --require-probe, where another agent's probes are read. Pure and thread-safe.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/model.h"

namespace vqscope {

// Fails when the agent that has these probes runs without one that is required.
Result<void> check_required(const std::vector<std::string>& required, const std::vector<ProbeStatus>& probes);

}  // namespace vqscope
