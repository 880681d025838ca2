// SPDX-License-Identifier: Apache-2.0
// --require-probe, where another agent's probes are read. Pure and thread-safe.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/model.h"

namespace vqscope {

// Fails when the agent that has these probes runs, or ran, without one that is required. `place`: Source::place().
Result<void> check_required(const std::vector<std::string>& required, const std::vector<ProbeStatus>& probes,
                            const std::string& place);

}  // namespace vqscope
