// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/compare/units.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace vqscope {

namespace {

// Three digits that mean something.
std::string three_digits(double value) {
  const double size = std::abs(value);
  return fmt::format("{:.{}f}", value, size >= 99.95 || size == 0 ? 0 : size >= 9.995 ? 1 : 2);
}

// A change in per cent, with two digits that mean something.
std::string two_digits(double ratio) {
  const double percent = (ratio - 1) * 100;
  return fmt::format("{:+.{}f}", percent, std::abs(percent) >= 9.95 ? 0 : 1);
}

constexpr double kMultiple = 3;  // from here on, changes are told as multiples

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
  if (ratio >= kMultiple) return fmt::format("x {}", three_digits(ratio));
  return fmt::format("{:+.1f} %", (ratio - 1) * 100);
}

std::string format_interval(double low, double high) {
  if (high < kMultiple) return fmt::format("{}..{} %", two_digits(low), two_digits(high));
  const std::string from = low < kMultiple ? two_digits(low) + " %" : format_percent(low);
  return fmt::format("{}..{}", from, format_percent(high));
}

}  // namespace vqscope
