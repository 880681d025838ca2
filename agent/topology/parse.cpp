// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/parse.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/text.h"

namespace vqscope {

namespace {

constexpr std::uint32_t kMaxCpu = 65535;

// sysfs fills a page at the most, its last byte a NUL.
std::size_t page_size() { return static_cast<std::size_t>(std::max(::sysconf(_SC_PAGESIZE), 4096L)); }

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

bool is_cut(std::string_view attribute) {
  return !attribute.empty() && (!attribute.ends_with('\n') || attribute.size() >= page_size());
}

Result<std::vector<std::uint32_t>> parse_queue_cpus(std::string_view text) {
  // The kernel leaves out what does not fit and ends the list with a newline nevertheless
  // (blk_mq_hw_sysfs_cpus_show()).
  constexpr std::size_t kLongest = std::string_view(", 65535").size();
  if (is_cut(text) || text.size() + kLongest >= page_size()) return fail("a list of CPUs that is cut");
  return parse_cpu_list(text);
}

Result<std::vector<std::uint64_t>> parse_per_cpu_count(std::string_view text,
                                                       const std::vector<std::uint32_t>& possible) {
  if (is_cut(text)) return fail("a list of interrupt counts that is cut");
  std::vector<std::uint64_t> counts(possible.empty() ? 0 : *std::max_element(possible.begin(), possible.end()) + 1);
  std::string_view rest = trim(text);
  for (std::size_t place = 0; place < possible.size(); ++place) {
    // Not split(), which skips empty pieces: the number's place tells its CPU.
    const auto comma = rest.find(',');
    const auto count = parse_number<std::uint64_t>(rest.substr(0, comma));
    if (!count || (comma == std::string_view::npos) != (place + 1 == possible.size()))
      return fail(fmt::format("not a list of {} interrupt counts: {}", possible.size(), quote(text)));
    counts[possible[place]] = *count;
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  return counts;
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

std::string kernel_name(std::string_view sysfs_name) {
  std::string name(sysfs_name);
  std::replace(name.begin(), name.end(), '!', '/');
  return name;
}

std::string sysfs_name(std::string_view kernel_name) {
  std::string name(kernel_name);
  std::replace(name.begin(), name.end(), '/', '!');
  return name;
}

std::optional<std::string> head_of_nvme_path(std::string_view name) {
  constexpr std::string_view kNvme = "nvme";
  const auto controller = name.find('c'), space = name.rfind('n');
  if (!name.starts_with(kNvme) || controller == std::string_view::npos || space < controller) return std::nullopt;
  const std::string_view subsystem = name.substr(0, controller);
  for (const std::string_view number :
       {subsystem.substr(kNvme.size()), name.substr(controller + 1, space - controller - 1), name.substr(space + 1)})
    if (!parse_number<std::uint32_t>(number)) return std::nullopt;
  return std::string(subsystem) + std::string(name.substr(space));
}

std::string parse_choice(std::string_view text) {
  const auto open = text.find('['), close = text.find(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::string(trim(text));
  return std::string(text.substr(open + 1, close - open - 1));
}

}  // namespace vqscope
