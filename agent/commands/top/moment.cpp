// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/top/moment.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "agent/base/duration.h"
#include "agent/base/text.h"

namespace vqscope {

namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000, kMinute = 60, kHour = 3600, kDay = 86400;

// The numbers between separators, each of two digits, but the first of `first` digits.
std::optional<std::vector<unsigned>> numbers(std::string_view text, char separator, std::size_t first) {
  std::vector<unsigned> values;
  for (;;) {
    const std::size_t digits = values.empty() ? first : 2;
    const auto value = parse_number<unsigned>(text.substr(0, digits));
    if (!value || text.size() < digits) return std::nullopt;
    values.push_back(*value);
    text.remove_prefix(digits);
    if (text.empty()) return values;
    if (text.front() != separator) return std::nullopt;
    text.remove_prefix(1);
  }
}

std::optional<std::uint64_t> parse_time_of_day(std::string_view text) {
  auto parts = numbers(text, ':', 2);
  if (!parts || parts->size() < 2 || parts->size() > 3) return std::nullopt;
  parts->resize(3);
  const unsigned hour = (*parts)[0], minute = (*parts)[1], second = (*parts)[2];
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return hour * kHour + minute * kMinute + second;
}

std::optional<std::uint64_t> parse_date(std::string_view text) {
  const auto parts = numbers(text, '-', 4);
  if (!parts || parts->size() != 3) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>((*parts)[0])),
                                         std::chrono::month((*parts)[1]), std::chrono::day((*parts)[2]));
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  if (!date.ok() || days < 0) return std::nullopt;
  return static_cast<std::uint64_t>(days) * kDay;
}

}  // namespace

std::optional<Moment> parse_moment(std::string_view text) {
  if (const auto seconds = parse_duration(text)) return FromStart{*seconds};
  if (const auto time = parse_time_of_day(text)) return TimeOfDay{*time};
  constexpr std::size_t kDateLength = 10;
  if (text.size() <= kDateLength || (text[kDateLength] != 'T' && text[kDateLength] != ' ')) return std::nullopt;
  const auto date = parse_date(text.substr(0, kDateLength));
  text.remove_prefix(kDateLength + 1);
  if (text.ends_with('Z')) text.remove_suffix(1);
  const auto time = parse_time_of_day(text);
  return date && time ? std::optional<Moment>(Date{*date + *time}) : std::nullopt;
}

std::uint64_t resolve(const Moment& moment, std::uint64_t start_ns, std::uint64_t end_ns) {
  if (const auto* from_start = std::get_if<FromStart>(&moment))
    return start_ns + static_cast<std::uint64_t>(from_start->seconds * 1e9);
  if (const auto* date = std::get_if<Date>(&moment)) return date->seconds * kNsPerSecond;
  const std::uint64_t start = start_ns / kNsPerSecond, time = std::get<TimeOfDay>(moment).seconds;
  const std::uint64_t same_day = (start - start % kDay + time) * kNsPerSecond, day = kDay * kNsPerSecond;
  const auto away = [&](std::uint64_t at) { return at < start_ns ? start_ns - at : at > end_ns ? at - end_ns : 0; };
  std::uint64_t nearest = same_day;
  for (const std::uint64_t other : {same_day - std::min(same_day, day), same_day + day})
    if (away(other) < away(nearest)) nearest = other;
  return nearest;
}

}  // namespace vqscope
