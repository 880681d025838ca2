// SPDX-License-Identifier: Apache-2.0
#include "agent/base/duration.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace vqscope {

namespace {

constexpr std::array<std::pair<std::string_view, double>, 5> kUnits = {
    {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};

}  // namespace

std::optional<double> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double seconds = 0;
  for (bool first = true; !text.empty(); first = false) {
    double number = 0;
    // Without an exponent: "1e3" is no way to write a time.
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || !std::isfinite(number) || number < 0 || std::signbit(number)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const std::string_view name = text.substr(0, text.find_first_of("0123456789."));
    text.remove_prefix(name.size());
    const auto* const unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& known) { return known.first == name; });
    if (unit != kUnits.end())
      seconds += number * unit->second;
    else if (name.empty() && first && text.empty())
      seconds = number;
    else
      return std::nullopt;
  }
  return seconds;
}

}  // namespace vqscope
