// SPDX-License-Identifier: Apache-2.0
// What the formats ask of a histogram. All functions are pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/model/buckets.h"
#include "agent/model/histogram.h"

namespace vqscope {

// The smallest range outside of which all cells are 0; empty when all are.
CellRange occupied(const Histogram& histogram);

// Puts the classic buckets' cumulative counts into `counts`, in the order of `buckets`; the last is that of +Inf, the
// count of all. `range` is what occupied() gives.
void classic_counts(const Histogram& histogram, CellRange range, const ClassicBuckets& buckets,
                    std::vector<std::uint64_t>& counts);

}  // namespace vqscope
