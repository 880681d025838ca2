// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/parse.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/text.h"

namespace vqscope {

namespace {

constexpr std::uint32_t kMaxCpu = 65535;

// Quotes untrusted text for an error message: printable, and not too long.
std::string quote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text.substr(0, 60)) quoted += c >= ' ' && c < 0x7f ? c : '?';
  return quoted + (text.size() > 60 ? "...'" : "'");
}

}  // namespace

Result<std::vector<std::uint32_t>> parse_cpu_list(std::string_view text) {
  std::vector<std::uint32_t> cpus;
  for (const std::string_view piece : split(text, ", \t\n")) {
    const auto dash = piece.find('-');
    const auto first = parse_number<std::uint32_t>(piece.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_number<std::uint32_t>(piece.substr(dash + 1));
    if (!first || !last || *last < *first || *last > kMaxCpu) return fail("not a list of CPUs: " + quote(text));
    for (std::uint32_t cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
    if (cpus.size() > kMaxCpu + 1) return fail("a list of too many CPUs: " + quote(text));
  }
  return cpus;
}

Result<std::vector<std::uint64_t>> parse_per_cpu_count(std::string_view text) {
  std::vector<std::uint64_t> counts;
  // Not split(), which skips empty pieces: a number's place is its CPU.
  for (std::string_view rest = trim(text);;) {
    const auto comma = rest.find(',');
    const auto count = parse_number<std::uint64_t>(rest.substr(0, comma));
    if (!count) return fail("not a list of interrupt counts: " + quote(text));
    counts.push_back(*count);
    if (comma == std::string_view::npos) return counts;
    rest.remove_prefix(comma + 1);
  }
}

std::vector<std::string> parse_irq_actions(std::string_view text) {
  std::vector<std::string> actions;
  for (const std::string_view piece : split(trim(text), ",")) actions.emplace_back(trim(piece));
  return actions;
}

Result<std::map<std::string, DiskStats>> parse_diskstats(std::string_view text) {
  constexpr std::size_t kName = 2, kInFlight = 11, kTimeInQueue = 13;
  std::map<std::string, DiskStats> disks;
  std::size_t number = 0;
  if (!text.empty() && !text.ends_with('\n')) return fail("the last line is cut");
  for (const std::string_view line : split(text, "\n")) {
    ++number;
    const auto words = split(line);
    if (words.size() <= kTimeInQueue) return fail(fmt::format("line {}: too few fields: {}", number, quote(line)));
    const auto in_flight = parse_number<std::uint64_t>(words[kInFlight]);
    const auto time = parse_number<std::uint64_t>(words[kTimeInQueue]);
    if (!in_flight || !time) return fail(fmt::format("line {}: not a number: {}", number, quote(line)));
    disks[std::string(words[kName])] = {*in_flight, *time};
  }
  return disks;
}

std::string parse_choice(std::string_view text) {
  const auto open = text.find('['), close = text.find(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::string(trim(text));
  return std::string(text.substr(open + 1, close - open - 1));
}

}  // namespace vqscope
