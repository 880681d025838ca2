// SPDX-License-Identifier: Apache-2.0
// `vqscope explain`: FINDINGS.md, which is part of the binary, a section at a time.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/commands/explain/options.h"

namespace vqscope {

// FINDINGS.md as it was when this was built.
std::string_view findings_document();

// The section under a heading, such as "single_queue" or "which disk to choose" ("-" counts as a blank), as text in
// lines of `width`; without a topic a list of all. An error, a sentence, when there is no such section.
Result<std::string> explain(const std::string& topic, std::size_t width, bool colour);

// Prints it, and returns the command's exit status.
int explain(const ExplainOptions& options);

}  // namespace vqscope
