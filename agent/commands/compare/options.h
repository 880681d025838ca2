// SPDX-License-Identifier: Apache-2.0
// What `vqscope compare` is asked to compare.
#pragma once

#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vqscope {

// Seconds from a recording's start.
struct TimeWindow {
  double begin = 0;
  double end = std::numeric_limits<double>::infinity();
};

enum class CompareFormat { kText, kMarkdown, kJson };

struct CompareOptions {
  std::filesystem::path before;
  std::optional<std::filesystem::path> after;                // absent: two windows, or the two segments, of `before`
  std::vector<TimeWindow> windows;                           // none, or one for each side
  std::vector<std::pair<std::string, std::string>> renamed;  // a disk's name before and after
  double min_effect = 0.05;  // smaller changes of averages, as a share, are no difference
  CompareFormat format = CompareFormat::kText;
};

}  // namespace vqscope
