// SPDX-License-Identifier: Apache-2.0
// How busy each CPU was. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/topology/activity.h"

namespace vqscope {

// The lines of /proc/stat that are of one CPU each, by CPU number; absent: there is none that makes sense.
std::vector<std::optional<CpuUse>> parse_each_cpu(std::string_view stat);

// What a CPU did between two such readings, as shares of the time.
struct CpuLoad {
  std::uint32_t cpu = 0;
  double busy = 0;    // interrupts included
  double stolen = 0;  // ready to run, while the host ran something else
};

// Those that had work for more than 95 % of the time, run by the host or not, by the content of /proc/stat before and
// after.
std::vector<CpuLoad> full_cpus(std::string_view earlier, std::string_view later);

}  // namespace vqscope
