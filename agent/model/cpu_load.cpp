// SPDX-License-Identifier: Apache-2.0
#include "agent/model/cpu_load.h"

#include <algorithm>
#include <string>

#include "agent/base/text.h"

namespace vqscope {

namespace {

constexpr double kFull = 0.95;
// Half a second: fewer ticks are too coarse for a share.
constexpr double kFewestTicks = 50;
constexpr std::uint32_t kMaxCpu = 65535;

// The kernel's times of one CPU may step back (kernel/time/tick-sched.c), which is no growth.
CpuUse growth(const CpuUse& earlier, const CpuUse& later) {
  GuestActivity before, after;
  before.cpu = earlier;
  after.cpu = later;
  return *difference(before, after).cpu;
}

}  // namespace

std::vector<std::optional<CpuUse>> parse_each_cpu(std::string_view stat) {
  constexpr std::string_view kName = "cpu";
  std::vector<std::optional<CpuUse>> cpus;
  for (const std::string_view line : split(stat, "\n")) {
    const auto words = split(line);
    if (words.empty() || !words[0].starts_with(kName)) continue;
    const auto cpu = parse_number<std::uint32_t>(words[0].substr(kName.size()));
    if (!cpu || *cpu > kMaxCpu) continue;
    cpus.resize(std::max<std::size_t>(cpus.size(), *cpu + 1));
    // Its columns are those of the line of all CPUs.
    cpus[*cpu] = parse_cpu_use(std::string(kName) + std::string(line.substr(words[0].size())));
  }
  return cpus;
}

std::vector<CpuLoad> full_cpus(std::string_view earlier, std::string_view later) {
  const auto before = parse_each_cpu(earlier), after = parse_each_cpu(later);
  std::vector<CpuLoad> full;
  for (std::uint32_t cpu = 0; cpu < std::min(before.size(), after.size()); ++cpu) {
    if (!before[cpu] || !after[cpu]) continue;
    const CpuUse use = growth(*before[cpu], *after[cpu]);
    const auto busy = static_cast<double>(use.user + use.system + use.irq + use.softirq);
    const auto stolen = static_cast<double>(use.steal), idle = static_cast<double>(use.idle + use.iowait);
    const double total = busy + stolen + idle;
    if (total >= kFewestTicks && idle < (1 - kFull) * total) full.push_back({cpu, busy / total, stolen / total});
  }
  return full;
}

}  // namespace vqscope
