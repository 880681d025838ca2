// SPDX-License-Identifier: Apache-2.0
// Latency histograms as people look at them: a few quantiles, or a column of a heat map. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/model/histogram.h"

namespace vqscope {

// A quantile of the durations in a window.
struct QuantileValue {
  double seconds = 0;
  bool supported = false;  // is_supported(): ten durations or more lie beyond it
};

// Durations of one kind. Of two kinds, such as the time before issue and the time at the device, the quantiles do not
// add up to those of the whole, which no histogram has.
struct Latency {
  std::uint64_t count = 0;
  std::optional<double> mean_seconds;                // exact; absent without any
  std::optional<QuantileValue> p50, p99, p999 = {};  // absent without any
};

Latency latency_of(const Histogram& histogram);

// The rows of a heat map: equal steps of the logarithm of the time, each of whole cells of the histograms, so that
// what a row counts is exact.
struct HeatScale {
  std::size_t first_cell = 0, cells_per_row = 1, rows = 0;

  // The inclusive upper bound of a row, counted from the fastest; infinite where it takes what lasted longest.
  [[nodiscard]] double upper_bound_seconds(std::size_t row) const;
};

// The cells between the first and the last that have counted something; empty when none has.
CellRange counted(const Histogram& histogram);

// As few cells to a row as leave room for all of `cells` in `rows`; fewer rows where there are fewer cells.
HeatScale heat_scale(CellRange cells, std::size_t rows);

// Durations by row. What lies below the scale is in the first row, and what lies above in the last.
std::vector<std::uint64_t> heat_column(const Histogram& histogram, const HeatScale& scale);

}  // namespace vqscope
