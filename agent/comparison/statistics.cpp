// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace vqscope {

namespace {

double deviation(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (count - 1));
}

// Half of the interval of a difference with these variances (Welch and Satterthwaite).
double half_width(double a, double degrees_of_a, double b, double degrees_of_b) {
  if (a + b == 0) return 0;
  const double of_a = a == 0 ? 0 : a * a / degrees_of_a, of_b = b == 0 ? 0 : b * b / degrees_of_b;
  return std::sqrt(a + b) * student_quantile((a + b) * (a + b) / (of_a + of_b));
}

// Of one number's own interval; 0 is exact.
std::pair<double, double> limits(const Estimate& estimate) {
  if (*estimate.value <= 0) return {0, 0};
  if (estimate.degrees_of_freedom == 0) return {0, std::numeric_limits<double>::infinity()};
  const double width = estimate.log_error * student_quantile(estimate.degrees_of_freedom);
  return {*estimate.value * std::exp(-width), *estimate.value * std::exp(width)};
}

}  // namespace

Estimates estimate(std::span<const Second> seconds, NumbersOf numbers, bool (*is_robust)(std::size_t number)) {
  std::vector<std::vector<double>> logs;  // by number, of the parts that have it
  for (std::size_t part = 0; part < kParts; ++part) {
    const std::size_t begin = part * seconds.size() / kParts, end = (part + 1) * seconds.size() / kParts;
    const Numbers values = numbers(seconds.subspan(begin, end - begin));
    logs.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i] && *values[i] > 0) logs[i].push_back(std::log(*values[i]));
  }
  Estimates estimates;
  const Numbers values = numbers(seconds);
  for (std::size_t i = 0; i < values.size(); ++i) {
    Estimate& estimate = estimates.emplace_back(Estimate{values[i], 0, 0});
    if (logs[i].size() < 2) continue;
    estimate.degrees_of_freedom = static_cast<double>(logs[i].size() - 1);
    estimate.log_error = is_robust(i) ? scatter(std::move(logs[i])) : deviation(logs[i]);
  }
  return estimates;
}

std::optional<Ratio> compare(const Estimate& before, const Estimate& after) {
  if (!before.value || !after.value || *before.value <= 0 || *after.value <= 0) return std::nullopt;
  const double change = std::log(*after.value / *before.value);
  if (before.degrees_of_freedom == 0 || after.degrees_of_freedom == 0)
    return Ratio{std::exp(change), 0, std::numeric_limits<double>::infinity()};
  const double width = half_width(before.log_error * before.log_error, before.degrees_of_freedom,
                                  after.log_error * after.log_error, after.degrees_of_freedom);
  return Ratio{std::exp(change), std::exp(change - width), std::exp(change + width)};
}

std::optional<Difference> difference(const Estimate& before, const Estimate& after) {
  if (!before.value || !after.value) return std::nullopt;
  if (const auto ratio = compare(before, after)) {
    const auto in_unit = [&](double factor) { return *before.value * (factor - 1); };
    return Difference{*after.value - *before.value, in_unit(ratio->low), in_unit(ratio->high)};
  }
  // Something to nothing is all of it, and nothing to something as well.
  const auto [low_before, high_before] = limits(before);
  const auto [low_after, high_after] = limits(after);
  return Difference{*after.value - *before.value, low_after - high_before, high_after - low_before};
}

double student_quantile(double degrees_of_freedom) {
  constexpr double z = 1.959963984540054;  // of the normal distribution, (1 + kConfidence) / 2
  constexpr double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
  const double n = std::max(degrees_of_freedom, 2.0);
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

std::optional<double> median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

double scatter(std::vector<double> values) {
  if (values.size() < 2) return 0;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  return (at(0.84) - at(0.16)) / 2;
}

}  // namespace vqscope
