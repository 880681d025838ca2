// SPDX-License-Identifier: Apache-2.0
#include "agent/view/latency.h"

#include <algorithm>
#include <limits>

#include "agent/model/buckets.h"
#include "agent/model/supported_quantile.h"
#include "agent/model/window.h"

namespace vqscope {

Latency latency_of(const Histogram& histogram) {
  Latency latency;
  latency.count = histogram.count();
  if (latency.count == 0) return latency;
  const auto value = [&](double q) {
    return QuantileValue{quantile(histogram, q).value_or(0), is_supported(latency.count, q)};
  };
  latency.mean_seconds = static_cast<double>(histogram.sum_ns) / 1e9 / static_cast<double>(latency.count);
  latency.p50 = value(0.5);
  latency.p99 = value(0.99);
  latency.p999 = value(0.999);
  return latency;
}

double HeatScale::upper_bound_seconds(std::size_t row) const {
  const std::size_t last = first_cell + (row + 1) * cells_per_row - 1;
  return last >= VQS_LAST_CELL ? std::numeric_limits<double>::infinity()
                               : vqscope::upper_bound_seconds(VQS_FIRST_INDEX - 1 + static_cast<int>(last));
}

CellRange counted(const Histogram& histogram) {
  auto [begin, end] = histogram.range();
  while (begin < end && histogram.cells()[begin] == 0) ++begin;
  while (end > begin && histogram.cells()[end - 1] == 0) --end;
  return begin < end ? CellRange{begin, end} : CellRange{};
}

HeatScale heat_scale(CellRange cells, std::size_t rows) {
  const std::size_t width = cells.end - cells.begin;
  if (width == 0 || rows == 0) return {};
  const std::size_t per_row = (width + rows - 1) / rows;
  return {cells.begin, per_row, (width + per_row - 1) / per_row};
}

std::vector<std::uint64_t> heat_column(const Histogram& histogram, const HeatScale& scale) {
  std::vector<std::uint64_t> column(scale.rows);
  if (column.empty()) return column;
  const auto [begin, end] = histogram.range();
  for (std::size_t cell = begin; cell < end; ++cell) {
    const std::size_t above = cell - std::min(cell, scale.first_cell);
    column[std::min(above / scale.cells_per_row, scale.rows - 1)] += histogram.cells()[cell];
  }
  return column;
}

}  // namespace vqscope
