// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace vqscope {

namespace {

// Three digits that mean something.
std::string three_digits(double value) {
  const double size = std::abs(value);
  return fmt::format("{:.{}f}", value, size >= 99.95 || size == 0 ? 0 : size >= 9.995 ? 1 : 2);
}

constexpr double kMultiple = 3;  // from here on, changes are told as multiples
// Per cent of width from which an interval that is rounded to whole ones still holds what it is the interval of.
constexpr double kWide = 2;

// "x 0.56"
std::string multiple(double ratio) {
  return ratio < 0.1 ? fmt::format("x {:.2g}", ratio) : fmt::format("x {}", three_digits(ratio));
}

}  // namespace

std::string format_count(double value) {
  if (std::abs(value) < 999.5) return value == std::floor(value) ? fmt::format("{:.0f}", value) : three_digits(value);
  const std::string digits = fmt::format("{:.0f}", value);
  std::string grouped;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0 && digits[i - 1] != '-') grouped += ',';
    grouped += digits[i];
  }
  return grouped;
}

std::string format_seconds(double value) {
  if (value < 0.9995e-6) return fmt::format("{:.0f} ns", value * 1e9);
  if (value < 0.9995e-3) return three_digits(value * 1e6) + " us";
  if (value < 0.9995) return three_digits(value * 1e3) + " ms";
  return three_digits(value) + " s";
}

std::string format_bytes(double value) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return three_digits(value) + " " + kUnits[unit];
}

std::string format_percent(double ratio) {
  if (ratio >= kMultiple) return multiple(ratio);
  return fmt::format("{:+.1f} %", (ratio - 1) * 100);
}

std::string format_interval(double low, double high) {
  if (high >= kMultiple) return fmt::format("{}..{}", multiple(low), multiple(high));
  const double from = (low - 1) * 100, to = (high - 1) * 100;
  const auto digits = [&](double percent) { return std::abs(percent) >= 9.95 && to - from >= kWide ? 0 : 1; };
  return fmt::format("{:+.{}f}..{:+.{}f} %", from, digits(from), to, digits(to));
}

std::string format_times(const std::vector<std::pair<double, double>>& spans) {
  constexpr std::size_t kTold = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(spans.size(), kTold); ++i) {
    const auto& [begin, end] = spans[i];
    text += fmt::format("{}{:.0f} s", i == 0 ? "" : ", ", begin);
    if (end > begin) text += fmt::format(" to {:.0f} s", end);
  }
  if (spans.size() > kTold) text += fmt::format(" and {} more", spans.size() - kTold);
  return text;
}

std::string format_more_seconds(double value) {
  return fmt::format("{}{}", value < 0 ? "-" : "+", format_seconds(std::abs(value)));
}

std::string format_seconds_interval(double low, double high) {
  std::string from = format_more_seconds(low);
  const std::string to = format_more_seconds(high);
  const auto unit = [](const std::string& text) { return text.substr(text.find(' ')); };
  if (unit(from) == unit(to)) from.resize(from.find(' '));
  return fmt::format("{}..{}", from, to);
}

}  // namespace vqscope
