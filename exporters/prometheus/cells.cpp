// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/cells.h"

#include <algorithm>

namespace vqscope {

CellRange occupied(const Histogram& histogram) {
  const auto& cells = histogram.cells;
  constexpr std::size_t kGroup = VQS_PER_OCTAVE;
  // Octave by octave first: one branch for eight cells.
  static_assert(kGroup == 8);
  const auto empty = [&cells](std::size_t first) {
    const std::uint64_t* const group = &cells[first];
    return (group[0] | group[1] | group[2] | group[3] | group[4] | group[5] | group[6] | group[7]) == 0;
  };
  CellRange range{0, cells.size()};
  while (range.begin + kGroup <= range.end && empty(range.begin)) range.begin += kGroup;
  while (range.begin + kGroup <= range.end && empty(range.end - kGroup)) range.end -= kGroup;
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
    for (; cell < end; ++cell) cumulative += histogram.cells[cell];
    counts.push_back(cumulative);
  }
  for (; cell < range.end; ++cell) cumulative += histogram.cells[cell];
  counts.push_back(cumulative);
}

}  // namespace vqscope
