// SPDX-License-Identifier: Apache-2.0
// How sure a number of a recording is, and whether two differ. Pure, deterministic and thread-safe; METHOD.md explains.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "agent/compare/series.h"

namespace vqscope {

// Numbers of a recording, at fixed places; absent where there is nothing to compute them from.
using Numbers = std::vector<std::optional<double>>;
using NumbersOf = Numbers (*)(const Totals&);

// A number and how far it would scatter if the same load had been recorded again, as the standard error of its
// logarithm.
struct Estimate {
  std::optional<double> value;
  double log_error = 0;  // 0 when value is absent or not above 0
};

struct Estimates {
  std::vector<Estimate> numbers;
  double degrees_of_freedom = 1;  // of all log_error
};

// A circular block bootstrap over the seconds: blocks as long as the seconds depend on one another.
Estimates estimate(std::span<const Second> seconds, NumbersOf numbers);

// after / before, with the limits of its confidence interval.
struct Ratio {
  double value = 1, low = 1, high = 1;

  [[nodiscard]] bool certain() const { return low > 1 || high < 1; }
};
inline constexpr double kConfidence = 0.99;

// nullopt unless both are above 0.
std::optional<Ratio> compare(const Estimate& before, double before_freedom, const Estimate& after,
                             double after_freedom);

// How values, one a second, depend on the ones before them, taken as a first-order autoregressive series.
struct Dependence {
  std::size_t block = 1;  // seconds that belong together (Carlstein 1986), a fifth of them at the most
  double correction = 1;  // by which the scatter of means of such blocks is too small, because they are not longer
};
Dependence dependence(std::span<const double> values);

// Two-sided quantile of Student's t distribution at kConfidence (Cornish-Fisher expansion, Abramowitz and Stegun
// 26.7.5).
double student_quantile(double degrees_of_freedom);

// Standard deviation; 0 for fewer than two values.
double deviation(std::span<const double> values);

}  // namespace vqscope
