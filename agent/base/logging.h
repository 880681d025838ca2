// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vqscope {

// How a command tells of itself.
struct LogOptions {
  std::string level = "info";   // "debug", "info", "warn" or "error"
  std::string format = "text";  // or "json": one object a line with ts, level and msg
};

// Makes spdlog write to standard error.
void set_up_logging(const LogOptions& options);

}  // namespace vqscope
