// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/cells.h"

#include <algorithm>

namespace vqscope {

CellRange occupied(const Histogram& histogram) {
  const auto& cells = histogram.cells();
  CellRange range = histogram.range();
  while (range.begin < range.end && cells[range.begin] == 0) ++range.begin;
  while (range.begin < range.end && cells[range.end - 1] == 0) --range.end;
  return range;
}

void classic_counts(const Histogram& histogram, CellRange range, const ClassicBuckets& buckets,
                    std::vector<std::uint64_t>& counts) {
  counts.clear();
  std::uint64_t cumulative = 0;
  std::size_t cell = range.begin;
  for (const int index : buckets) {
    // Bounds are inclusive: the cell of bucket `index`, too.
    const std::size_t end = std::min(range.end, static_cast<std::size_t>(index - VQS_FIRST_INDEX + 2));
    for (; cell < end; ++cell) cumulative += histogram.cells()[cell];
    counts.push_back(cumulative);
  }
  for (; cell < range.end; ++cell) cumulative += histogram.cells()[cell];
  counts.push_back(cumulative);
}

}  // namespace vqscope
