// SPDX-License-Identifier: Apache-2.0
// Which quantiles people are told. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/model/histogram.h"

namespace vqscope {

// Whether so many durations tell of a quantile: ten of them at least lie beyond it, on its smaller side.
bool is_supported(std::uint64_t count, double q);

// quantile() if the histogram's own count supports it.
std::optional<double> supported_quantile(const Histogram& histogram, double q);

}  // namespace vqscope
