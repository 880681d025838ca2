// SPDX-License-Identifier: Apache-2.0
// How sure a number of a recording is, and whether two differ. Pure, deterministic and thread-safe; METHOD.md explains.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "agent/comparison/series.h"

namespace vqscope {

// Numbers of a recording, at fixed places; absent where there is nothing to compute them from.
using Numbers = std::vector<std::optional<double>>;
using NumbersOf = Numbers (*)(std::span<const Second>);

// A number and how far that of another run of the same would lie from it, as the standard error of its logarithm.
struct Estimate {
  std::optional<double> value;
  double log_error = 0;           // 0 when value is absent or not above 0
  double degrees_of_freedom = 0;  // of log_error; 0: nothing is known of it
};

using Estimates = std::vector<Estimate>;

// A recording in so many parts, each as long as the others to within a second: what one differs by from the others, one
// run differs by from another.
inline constexpr std::size_t kParts = 10;

// `is_robust` tells of which numbers a few parts that are far off do not count: those that do not move with them.
Estimates estimate(std::span<const Second> seconds, NumbersOf numbers, bool (*is_robust)(std::size_t number));

// after / before, with the limits of its confidence interval.
struct Ratio {
  double value = 1, low = 1, high = 1;

  [[nodiscard]] bool certain() const { return low > 1 || high < 1; }
  // Half as much and twice as much are both within it: no direction, and no bound that is of use.
  [[nodiscard]] bool tells_nothing() const { return low <= 0.5 && high >= 2; }
};
inline constexpr double kConfidence = 0.95;

// nullopt unless both are above 0. Without an error of one of them, the interval is all that there is.
std::optional<Ratio> compare(const Estimate& before, const Estimate& after);

// after - before, in their own unit, with the limits of its confidence interval. It is as certain as the ratio is.
struct Difference {
  double value = 0, low = 0, high = 0;

  [[nodiscard]] bool certain() const { return low > 0 || high < 0; }
};

// The interval of the ratio, in the unit of the values. A value of 0 is taken for exact. nullopt unless both have one.
std::optional<Difference> difference(const Estimate& before, const Estimate& after);

// Two-sided quantile of Student's t distribution at kConfidence (Cornish-Fisher expansion, Abramowitz and Stegun
// 26.7.5).
double student_quantile(double degrees_of_freedom);

// nullopt without values.
std::optional<double> median(std::vector<double> values);

// Half of the span in which the middle 68 % of the values lie: the standard deviation of normal ones, and blind for a
// few that are far off. 0 for fewer than two values.
double scatter(std::vector<double> values);

}  // namespace vqscope
