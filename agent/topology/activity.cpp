// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/activity.h"

#include <array>

#include "agent/base/text.h"

namespace vqscope {

namespace {

constexpr std::uint64_t CpuUse::*kTimes[] = {&CpuUse::user, &CpuUse::system, &CpuUse::irq,  &CpuUse::softirq,
                                             &CpuUse::idle, &CpuUse::iowait, &CpuUse::steal};
constexpr std::optional<std::uint64_t> GuestActivity::*kPressures[] = {
    &GuestActivity::cpu_some_us, &GuestActivity::io_some_us, &GuestActivity::io_full_us};

std::uint64_t growth(std::uint64_t earlier, std::uint64_t later) { return later > earlier ? later - earlier : 0; }

}  // namespace

GuestActivity difference(const GuestActivity& earlier, const GuestActivity& later) {
  GuestActivity grown;
  if (earlier.cpu && later.cpu) {
    grown.cpu.emplace();
    for (const auto time : kTimes) (*grown.cpu).*time = growth((*earlier.cpu).*time, (*later.cpu).*time);
  }
  for (const auto pressure : kPressures)
    if (earlier.*pressure && later.*pressure) grown.*pressure = growth(*(earlier.*pressure), *(later.*pressure));
  return grown;
}

void add(const GuestActivity& grown, GuestActivity& sum) {
  if (grown.cpu) {
    if (!sum.cpu) sum.cpu.emplace();
    for (const auto time : kTimes) (*sum.cpu).*time += (*grown.cpu).*time;
  }
  for (const auto pressure : kPressures)
    if (grown.*pressure) sum.*pressure = (sum.*pressure).value_or(0) + *(grown.*pressure);
}

std::optional<CpuUse> parse_cpu_use(std::string_view text) {
  const auto words = split(text.substr(0, text.find('\n')));
  // user nice system idle iowait irq softirq steal; guest times are within user and nice (proc(5)).
  std::array<std::uint64_t, 8> ticks = {};
  if (words.size() <= ticks.size() || words[0] != "cpu") return std::nullopt;
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    const auto number = parse_number<std::uint64_t>(words[1 + i]);
    if (!number) return std::nullopt;
    ticks[i] = *number;
  }
  return CpuUse{ticks[0] + ticks[1], ticks[2], ticks[5], ticks[6], ticks[3], ticks[4], ticks[7]};
}

std::optional<std::uint64_t> parse_pressure(std::string_view text, std::string_view kind) {
  constexpr std::string_view kTotal = "total=";
  for (const std::string_view line : split(text, "\n")) {
    const auto words = split(line);
    if (words.empty() || words[0] != kind) continue;
    if (!words.back().starts_with(kTotal)) return std::nullopt;
    return parse_number<std::uint64_t>(words.back().substr(kTotal.size()));
  }
  return std::nullopt;
}

GuestActivity read_activity(const SystemPaths& paths, std::string_view stat) {
  // A kernel that was started with psi=0 refuses the reading.
  const std::string cpu = read_trimmed(paths.procfs / "pressure/cpu").value_or("");
  const std::string io = read_trimmed(paths.procfs / "pressure/io").value_or("");
  return {parse_cpu_use(stat), parse_pressure(cpu, "some"), parse_pressure(io, "some"), parse_pressure(io, "full")};
}

}  // namespace vqscope
