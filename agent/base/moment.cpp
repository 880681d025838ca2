// SPDX-License-Identifier: Apache-2.0
#include "agent/base/moment.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>
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

// Nanoseconds of "25" behind a point.
std::optional<std::uint64_t> parse_fraction(std::string_view digits) {
  constexpr std::size_t kMostDigits = 9;
  if (digits.empty() || digits.size() > kMostDigits) return std::nullopt;
  auto value = parse_number<std::uint64_t>(digits);
  for (std::size_t i = digits.size(); value && i < kMostDigits; ++i) *value *= 10;
  return value;
}

// "14:05", "14:05:30", "14:05:30.25", in nanoseconds.
std::optional<std::uint64_t> parse_time_of_day(std::string_view text) {
  const std::size_t point = text.find('.');
  auto parts = numbers(text.substr(0, point), ':', 2);
  if (!parts || parts->size() < 2 || parts->size() > 3) return std::nullopt;
  const auto fraction = point == std::string_view::npos ? std::optional<std::uint64_t>(0)
                        : parts->size() == 3            ? parse_fraction(text.substr(point + 1))
                                                        : std::nullopt;
  parts->resize(3);
  const unsigned hour = (*parts)[0], minute = (*parts)[1], second = (*parts)[2];
  if (!fraction || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return (hour * kHour + minute * kMinute + second) * kNsPerSecond + *fraction;
}

std::optional<std::uint64_t> parse_date(std::string_view text) {
  const auto parts = numbers(text, '-', 4);
  if (!parts || parts->size() != 3) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>((*parts)[0])),
                                         std::chrono::month((*parts)[1]), std::chrono::day((*parts)[2]));
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  // What nanoseconds since 1970 have room for.
  if (!date.ok() || days < 0 || (*parts)[0] > 2500) return std::nullopt;
  return static_cast<std::uint64_t>(days) * kDay * kNsPerSecond;
}

// Takes the zone off the end of a time; UTC if it has none.
Zone take_zone(std::string_view& text) {
  for (const auto& [name, zone] : {std::pair("Z", Zone(0)), std::pair(" UTC", Zone(0)), std::pair(" local", Zone())})
    if (text.ends_with(name)) {
      text.remove_suffix(std::string_view(name).size());
      return zone;
    }
  constexpr std::size_t kOffset = std::string_view("+02:00").size();
  if (text.size() <= kOffset) return 0;
  const std::string_view offset = text.substr(text.size() - kOffset);
  if (offset[0] != '+' && offset[0] != '-') return 0;
  const auto ahead = parse_time_of_day(offset.substr(1));
  if (!ahead) return 0;
  text.remove_suffix(kOffset);
  const auto seconds = static_cast<std::int64_t>(*ahead / kNsPerSecond);
  return offset[0] == '+' ? seconds : -seconds;
}

// Of a clock in the zone that shows `shown_ns`.
std::uint64_t to_utc(std::uint64_t shown_ns, Zone zone) {
  auto seconds = static_cast<std::int64_t>(shown_ns / kNsPerSecond);
  if (zone) {
    seconds -= *zone;
  } else {
    const std::time_t shown = seconds;
    std::tm clock = {};
    ::gmtime_r(&shown, &clock);
    clock.tm_isdst = -1;
    seconds = std::mktime(&clock);
  }
  return static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 0)) * kNsPerSecond + shown_ns % kNsPerSecond;
}

}  // namespace

std::optional<Moment> parse_moment(std::string_view text) {
  if (const auto seconds = parse_duration(text)) return FromStart{*seconds};
  const Zone zone = take_zone(text);
  if (const auto time = parse_time_of_day(text)) return TimeOfDay{*time, zone};
  constexpr std::size_t kDateLength = 10;
  if (text.size() <= kDateLength || (text[kDateLength] != 'T' && text[kDateLength] != ' ')) return std::nullopt;
  const auto date = parse_date(text.substr(0, kDateLength)), time = parse_time_of_day(text.substr(kDateLength + 1));
  return date && time ? std::optional<Moment>(Date{*date + *time, zone}) : std::nullopt;
}

std::uint64_t resolve(const Moment& moment, std::uint64_t start_ns, std::uint64_t end_ns) {
  if (const auto* from_start = std::get_if<FromStart>(&moment))
    return start_ns + static_cast<std::uint64_t>(from_start->seconds * 1e9);
  if (const auto* date = std::get_if<Date>(&moment)) return to_utc(date->ns, date->zone);
  const TimeOfDay& time = std::get<TimeOfDay>(moment);
  constexpr std::uint64_t kDayNs = kDay * kNsPerSecond;
  const std::uint64_t today = start_ns - start_ns % kDayNs;
  const auto away = [&](std::uint64_t at) { return at < start_ns ? start_ns - at : at > end_ns ? at - end_ns : 0; };
  // The day there may be the one before or after that in UTC, and then the next one may be nearer.
  std::optional<std::uint64_t> nearest;
  for (const std::uint64_t day : {today - std::min(today, 2 * kDayNs), today - std::min(today, kDayNs), today,
                                  today + kDayNs, today + 2 * kDayNs})
    if (const std::uint64_t at = to_utc(day + time.ns, time.zone); !nearest || away(at) < away(*nearest)) nearest = at;
  return *nearest;
}

}  // namespace vqscope
