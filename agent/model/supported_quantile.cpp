// SPDX-License-Identifier: Apache-2.0
#include "agent/model/supported_quantile.h"

#include <algorithm>
#include <cmath>

#include "agent/model/window.h"

namespace vqscope {

bool is_supported(std::uint64_t count, double q) {
  constexpr double kFewestBeyond = 10;
  // 0.99 is no binary fraction, and a thousand requests are enough for it.
  constexpr double kPrecision = 1000;
  return std::round(static_cast<double>(count) * std::min(q, 1 - q) * kPrecision) >= kFewestBeyond * kPrecision;
}

std::optional<double> supported_quantile(const Histogram& histogram, double q) {
  return is_supported(histogram.count(), q) ? quantile(histogram, q) : std::nullopt;
}

}  // namespace vqscope
