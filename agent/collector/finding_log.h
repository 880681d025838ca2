// SPDX-License-Identifier: Apache-2.0
// What the log tells of a finding. Pure and thread-safe.
#pragma once

#include <string>

#include "agent/diagnosis/finding.h"

namespace vqscope {

// The disk, or "this guest".
std::string place_of(const Finding& finding);

// One line of about 300 characters at most: what was found, where, the first sentences of the evidence, as far as they
// fit, and the commands that tell the rest.
std::string log_line(Severity severity, const Finding& finding);

}  // namespace vqscope
