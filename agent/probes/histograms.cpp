// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/histograms.h"

#include <algorithm>

#include "agent/model/buckets.h"
#include "agent/probes/arrays.h"

namespace vqscope {

namespace {

// Two cells, in one register of every CPU that we run on.
using Pair [[gnu::vector_size(16), gnu::aligned(8), gnu::may_alias]] = __u64;
constexpr std::size_t kLine = 8;
static_assert(VQS_CELLS % kLine == 0);

// Whether all cells of a cache line are 0. Each is read once, whole, but with no order, which is all that is asked
// here; so the sanitizer for threads is not asked.
__attribute__((no_sanitize("thread"))) bool is_clear(const __u64* line) {
  const auto* const pairs = reinterpret_cast<const Pair*>(line);
  const Pair any = (pairs[0] | pairs[1]) | (pairs[2] | pairs[3]);
  return (any[0] | any[1]) == 0;
}

}  // namespace

void add_histogram(const __u64 (&cells)[VQS_CELLS], const __u64& sum, Histogram& histogram) {
  // Most cells are 0, so a cache line is looked at as a whole first: that is one branch for eight cells, and the memory
  // of `histogram` is not touched for nothing. What is added is read anew; only a line's first count can come too late.
  for (std::size_t first = 0; first < histogram.cells().size(); first += kLine) {
    if (is_clear(&cells[first])) continue;
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
