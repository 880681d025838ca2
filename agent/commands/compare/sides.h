// SPDX-License-Identifier: Apache-2.0
// The two sides of a comparison, each of a source of readings.
#pragma once

#include <cstddef>
#include <filesystem>

#include "agent/base/result.h"
#include "agent/commands/compare/options.h"
#include "agent/comparison/series.h"
#include "agent/source/source.h"

namespace vqscope {

// Fails when the file is no recording or has no two readings there.
Result<Series> load_series(const std::filesystem::path& path, const Part& part);

// How many segments with two readings at least a recording has.
Result<std::size_t> count_segments(const std::filesystem::path& path);

// What is still going on, and the signal that ended it early; 0: none.
struct LiveSide {
  Series series;
  int signal = 0;
};

// Takes a reading at once and then every second, as `record` does, of the disks of `before`, for
// options.duration_seconds or until SIGINT or SIGTERM comes. On a terminal, tells of its progress in a line.
Result<LiveSide> watch_live(const CompareOptions& options, const Series& before);

}  // namespace vqscope
