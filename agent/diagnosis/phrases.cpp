// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/phrases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vqscope {

std::string grouped(double number) {
  if (std::abs(number) < 100) return fmt::format("{:.3g}", number);
  const std::string digits = fmt::format("{:.0f}", std::abs(number));
  std::string text = number < 0 ? "-" : "";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string percent(double share) {
  if (share > 0 && share < 0.01) return "< 1 %";
  // All but a little is not all.
  if (share > 0.99 && share < 1) return "> 99 %";
  return fmt::format("{:.0f} %", 100 * share);
}

std::string duration(double seconds) {
  // What would be written as 1000 us or 1000 ms has the next unit.
  if (seconds < 999.5e-6) return fmt::format("{:.0f} us", seconds * 1e6);
  if (seconds < 999.5e-3) return fmt::format("{:.3g} ms", seconds * 1e3);
  return fmt::format("{:.3g} s", seconds);
}

std::string duration_in_ns(double seconds) {
  return seconds < 10e-6 ? fmt::format("{} ns", grouped(std::round(seconds * 1e9))) : duration(seconds);
}

std::string throughput(double bytes_per_second) {
  constexpr double kMiB = 1 << 20, kGiB = 1 << 30;
  if (bytes_per_second >= 10 * kGiB) return fmt::format("{:.1f} GiB/s", bytes_per_second / kGiB);
  return bytes_per_second >= 10 * kMiB ? fmt::format("{:.0f} MiB/s", bytes_per_second / kMiB)
                                       : fmt::format("{:.2g} MiB/s", bytes_per_second / kMiB);
}

std::string plural(double number, const std::string& noun) {
  return fmt::format("{} {}{}", grouped(number), noun, number == 1 ? "" : "s");
}

std::string cpu_shares(const std::vector<std::uint64_t>& counts, std::size_t limit) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::vector<std::size_t> cpus;
  for (std::size_t cpu = 0; cpu < counts.size(); ++cpu)
    if (counts[cpu] > 0) cpus.push_back(cpu);
  std::stable_sort(cpus.begin(), cpus.end(), [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
  std::string text;
  for (std::size_t i = 0; i < cpus.size() && i < limit; ++i)
    text += fmt::format("{}vCPU {} ({})", i == 0 ? "" : ", ", cpus[i],
                        percent(static_cast<double>(counts[cpus[i]]) / total));
  if (cpus.size() > limit) text += fmt::format(" and {} more", cpus.size() - limit);
  return text;
}

std::size_t busiest(const std::vector<std::uint64_t>& counts) {
  return static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin());
}

}  // namespace vqscope
