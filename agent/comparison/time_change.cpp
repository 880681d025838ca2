// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/time_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "agent/comparison/units.h"

namespace vqscope {

namespace {

struct TimePart {
  DeviceNumber number;
  std::string_view key, where;
};

constexpr TimePart kBefore = {kBeforeIssue, "before_issue", "before issue"};
constexpr TimePart kDevice = {kAtDevice, "at_device", "between issue and completion"};
constexpr TimePart kHost = {kAtHost, "at_host", "at the host"};
constexpr TimePart kComplete = {kCompletion, "completion", "in completion"};
constexpr TimePart kLocks = {kLockWaits, "lock_waits", "in waits for locks, which are within the others"};

bool is_measured(const Estimates& numbers, const TimePart& part) { return numbers[part.number].value.has_value(); }

void append(std::string& list, std::string_view separator, std::string_view text) {
  if (!list.empty()) list += separator;
  list += text;
}

// "118 us less"
std::string amount_of(const Difference& change) {
  return fmt::format("{} {}", format_seconds(std::abs(change.value)), change.value < 0 ? "less" : "more");
}

// "118 us less (96.0 us to 140 us)"
std::string with_limits(const Difference& change) {
  const auto [least, most] = std::minmax({std::abs(change.low), std::abs(change.high)});
  return fmt::format("{} ({} to {})", amount_of(change), format_seconds(least), format_seconds(most));
}

// "120 us less (113 us to 127 us)", or why it has no limits.
std::string told_whole(const Difference& change, bool by_median) {
  if (change.certain()) return with_limits(change);
  return fmt::format("{}, which is not certain{}", amount_of(change),
                     by_median ? " (unlike the verdict, which is of the median second)" : "");
}

bool rounds_to_nothing(const Difference& change) { return format_seconds(std::abs(change.value)) == format_seconds(0); }

// "in waits for locks (not measured before)"; empty where both sides have it.
std::string told_missing(const Pair& pair, const TimePart& part) {
  const bool before = is_measured(pair.before_numbers, part), after = is_measured(pair.after_numbers, part);
  if (before && after) return "";
  return fmt::format("{} (not measured{})", part.where, before ? " after" : after ? " before" : "");
}

}  // namespace

TimeChange time_change(const Pair& pair, bool by_median) {
  TimeChange result;
  const bool split = is_measured(pair.before_numbers, kHost) && is_measured(pair.after_numbers, kHost);
  std::vector<TimePart> parts = {kBefore};
  if (split)
    parts.insert(parts.end(), {kHost, kComplete});
  else
    parts.push_back(kDevice);
  parts.push_back(kLocks);
  for (const TimePart& part : parts)
    if (const auto change = difference(pair.before_numbers[part.number], pair.after_numbers[part.number]))
      result.parts.push_back({part.key, part.where, *change});

  std::vector<PartChange> by_size = result.parts;
  std::ranges::stable_sort(by_size, std::ranges::greater(),
                           [](const PartChange& part) { return std::abs(part.change.value); });
  std::string certain, uncertain, missing;
  for (const PartChange& part : by_size) {
    if (rounds_to_nothing(part.change)) continue;
    if (part.change.certain())
      append(certain, ", ", fmt::format("{} {}", part.where, with_limits(part.change)));
    else
      append(uncertain, ", ", fmt::format("{} {}", part.where, amount_of(part.change)));
  }
  for (const TimePart& part : split ? std::vector{kLocks} : std::vector{kHost, kComplete, kLocks})
    if (const std::string text = told_missing(pair, part); !text.empty()) append(missing, ", ", text);
  const Difference whole = *difference(pair.before_numbers[kMeanLatency], pair.after_numbers[kMeanLatency]);
  result.sentence = fmt::format("of the whole recording's mean latency, {} -> {}, {}",
                                format_seconds(*pair.before_numbers[kMeanLatency].value),
                                format_seconds(*pair.after_numbers[kMeanLatency].value), told_whole(whole, by_median));
  if (certain.empty() && uncertain.empty())
    result.sentence += ", and no part changed";
  else if (certain.empty())
    result.sentence +=
        fmt::format(", {}: {}", whole.certain() ? "of which no part is certain" : "nor is any part", uncertain);
  else
    result.sentence += fmt::format(": {}{}{}", certain, uncertain.empty() ? "" : "; not certain: ", uncertain);
  if (!missing.empty()) append(result.sentence, "; ", "left out: " + missing);
  return result;
}

}  // namespace vqscope
