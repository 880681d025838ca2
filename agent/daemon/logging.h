// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vqscope {

// Makes spdlog write to standard error: level "debug", "info", "warn" or "error"; format "text", or "json" for one
// JSON object a line with ts, level and msg.
void set_up_logging(const std::string& level, const std::string& format);

}  // namespace vqscope
