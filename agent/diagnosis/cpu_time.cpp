// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/cpu_time.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/thresholds.h"

namespace vqscope {

std::optional<CpuShare> most_stolen(const std::vector<CpuTime>& times) {
  std::optional<CpuShare> most;
  for (std::size_t cpu = 0; cpu < times.size(); ++cpu) {
    if (times[cpu].total < kStealTicks) continue;
    const double share = static_cast<double>(times[cpu].steal) / static_cast<double>(times[cpu].total);
    if (!most || share > most->share) most = {cpu, share};
  }
  return most;
}

std::optional<CpuShare> busiest_of(const std::vector<CpuTime>& times, const std::vector<std::uint64_t>& used) {
  std::optional<CpuShare> most;
  for (std::size_t cpu = 0; cpu < times.size() && cpu < used.size(); ++cpu) {
    if (used[cpu] == 0 || times[cpu].total < kStealTicks || !times[cpu].idle) continue;
    const double share = 1 - static_cast<double>(*times[cpu].idle) / static_cast<double>(times[cpu].total);
    if (!most || share > most->share) most = {cpu, share};
  }
  return most;
}

std::optional<std::vector<CpuLoad>> full_cpus(const std::vector<CpuTime>& times) {
  std::optional<std::vector<CpuLoad>> full;
  for (std::uint32_t cpu = 0; cpu < times.size(); ++cpu) {
    if (!times[cpu].idle || times[cpu].total < kFullTicks) continue;
    if (!full) full.emplace();
    const auto total = static_cast<double>(times[cpu].total), idle = static_cast<double>(*times[cpu].idle),
               stolen = static_cast<double>(times[cpu].steal);
    if (idle < (1 - kFullCpu) * total)
      full->push_back({cpu, std::max(total - idle - stolen, 0.0) / total, stolen / total});
  }
  return full;
}

std::string about_no_spare_time(const std::optional<CpuShare>& stolen, const std::optional<CpuShare>& busiest,
                                const std::string& name) {
  const bool is_stolen = stolen && stolen->share >= kSteal;
  if (!is_stolen && (!busiest || busiest->share <= kFullCpu)) return {};
  return fmt::format(
      "In this time {}: what completes may wait for that, and not for the disk, so this is no more than information.",
      is_stolen
          ? fmt::format("the host did not run {} {} for {} of it (steal)", name, stolen->cpu, percent(stolen->share))
          : fmt::format("{} {}, which the requests come from or interrupt, was busy for {} of it", name, busiest->cpu,
                        percent(busiest->share)));
}

}  // namespace vqscope
