// SPDX-License-Identifier: Apache-2.0
// Lengths of time as people write them on a command line.
#pragma once

#include <optional>
#include <string_view>

namespace vqscope {

// Seconds of "5", "5s", "2m", "1h30m", "500ms", "1.5h", "7d": numbers with a unit each, which are added up; a number
// alone is seconds. Nothing for anything else, negative numbers and what is not finite included.
std::optional<double> parse_duration(std::string_view text);

}  // namespace vqscope
