// SPDX-License-Identifier: Apache-2.0
// What `vqscope compare` is asked to compare.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/comparison/series.h"
#include "agent/source/agent_client.h"

namespace vqscope {

enum class CompareFormat { kText, kMarkdown, kJson };

struct CompareOptions {
  std::filesystem::path before;
  std::optional<std::filesystem::path> after;                // absent: two windows, or the two segments, of `before`
  std::vector<TimeWindow> windows;                           // none, or one for each side that is a recording
  std::vector<std::pair<std::string, std::string>> renamed;  // a disk's name before and after
  double min_effect = 0.05;  // smaller changes of averages, as a share, are no difference
  // Instead of `after`: what this guest's disks do now, or those that a running agent measures (no URL: none).
  bool live = false;
  AgentAddress agent;
  std::uint64_t duration_seconds = 60;  // how long to watch them
  CompareFormat format = CompareFormat::kText;
};

}  // namespace vqscope
