// SPDX-License-Identifier: Apache-2.0
// Whether a disk got better. Pure and thread-safe; METHOD.md explains every rule.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/comparison/load.h"
#include "agent/comparison/numbers.h"

namespace vqscope {

enum class Verdict { kBetter, kWorse, kMixed, kNoDifference, kNotComparable };

// "better", "worse", "no difference", "not comparable"
std::string_view name_of(Verdict verdict);

struct Judgement {
  Verdict verdict = Verdict::kNotComparable;
  std::string reason;              // a sentence with the numbers that decided
  std::vector<std::string> notes;  // what else one should know
  bool idle = false;               // hardly a request on either side: no reason to worry
  LoadMatch load = {};             // what decided whether there was anything to compare
  bool by_median = false;          // the reason is of the median second
};

// With fewer seconds with requests on either side, only what cannot be overlooked gives a verdict, and with still
// fewer, nothing.
inline constexpr std::size_t kEnoughSeconds = 20, kFewestSeconds = 8;

// Averages that change by less than the share `min_effect`, and p99 by less than twice that, are no difference.
Judgement judge(const Pair& pair, double min_effect);

}  // namespace vqscope
