// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/histograms.h"

#include <algorithm>

#include "agent/model/buckets.h"
#include "agent/probes/arrays.h"

namespace vqscope {

void add_histogram(const __u64 (&cells)[VQS_CELLS], const __u64& sum, Histogram& histogram) {
  // Most cells are 0, so a cache line is looked at as a whole first: that is one branch for eight cells, and the memory
  // of `histogram` is not touched for nothing. What is added is read anew; only a line's first count can come too late.
  constexpr std::size_t kLine = 8;
  static_assert(VQS_CELLS % kLine == 0);
  for (std::size_t first = 0; first < histogram.cells().size(); first += kLine) {
    const __u64* const line = &cells[first];
    if ((load(line[0]) | load(line[1]) | load(line[2]) | load(line[3]) | load(line[4]) | load(line[5]) | load(line[6]) |
         load(line[7])) == 0)
      continue;
    histogram.add({first, std::min(first + kLine, histogram.cells().size())},
                  [&cells](std::size_t cell) { return load(cells[cell]); });
  }
  histogram.sum_ns += load(sum);
}

void add_duration(std::uint64_t ns, Histogram& histogram) {
  histogram.add(cell_of(ns), 1);
  histogram.sum_ns += ns;
}

}  // namespace vqscope
