// SPDX-License-Identifier: Apache-2.0
// Whether a disk got better. Pure and thread-safe; METHOD.md explains every rule.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/compare/numbers.h"
#include "agent/compare/series.h"

namespace vqscope {

enum class Verdict { kBetter, kWorse, kNoDifference, kNotComparable };

// "better", "worse", "no difference", "not comparable"
std::string_view name_of(Verdict verdict);

struct Judgement {
  Verdict verdict = Verdict::kNotComparable;
  std::string reason;              // a sentence with the numbers that decided
  std::vector<std::string> notes;  // what else one should know
  bool idle = false;               // hardly a request on either side: no reason to worry
};

// One disk on both sides.
struct Pair {
  const DeviceSeries& before;
  const DeviceSeries& after;
  const Estimates& before_numbers;  // of numbers_of()
  const Estimates& after_numbers;

  [[nodiscard]] std::optional<Ratio> ratio(std::size_t number) const;
};

// Fewer seconds with requests on either side are too few.
inline constexpr std::size_t kFewestSeconds = 20;

// How a load reacts to the disk: closed, a fixed number of requests is kept in flight, and a faster disk does more of
// them; open, requests come at their own rate, and a faster disk has fewer in flight.
enum class LoadKind { kOpen, kClosed };
LoadKind kind_of(const DeviceSeries& device);

// Averages that change by less than the share `min_effect`, and p99 by less than twice that, are no difference.
Judgement judge(const Pair& pair, double min_effect);

}  // namespace vqscope
