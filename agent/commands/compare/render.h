// SPDX-License-Identifier: Apache-2.0
// A comparison as text for a terminal, as Markdown for a ticket, and as JSON for programs (METHOD.md has the fields).
#pragma once

#include <string>

#include "agent/comparison/report.h"

namespace vqscope {

// In lines of at most 80 columns, the verdict first.
std::string render_text(const Comparison& comparison, bool colour = false);
std::string render_markdown(const Comparison& comparison);
std::string render_json(const Comparison& comparison);

}  // namespace vqscope
