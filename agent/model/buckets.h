// SPDX-License-Identifier: Apache-2.0
// The histograms' buckets in user space: the boundaries that bpf/buckets.h looks up, and their bounds in seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/base/result.h"
#include "bpf/buckets.h"

namespace vqscope {

// Largest whole number of nanoseconds that is at most 2^(index/8) seconds: the inclusive upper bound of the native
// histogram bucket `index` of schema 3 (https://prometheus.io/docs/specs/native_histograms/), exact for every index
// from VQS_FIRST_INDEX - 1 to VQS_LAST_INDEX.
std::uint64_t upper_bound_ns(int index);

// The same bound in seconds, 2^(index/8).
double upper_bound_seconds(int index);

// The table that vqs_cell() needs.
vqs_bucket_table make_bucket_table();

// Cell of a duration, as the programs find it: 0 to VQS_LAST_CELL.
std::size_t cell_of(std::uint64_t ns);

// Native bucket index of each classic bucket's upper bound, rising. A classic bucket is the exact sum of the native
// ones up to its bound.
using ClassicBuckets = std::vector<int>;

// Every power of two from 2^-16 s (15 us) to 2^-5 s (31 ms), where disks live, and 2^-3, 2^-1 and 2^2 s: few enough
// that a guest with one disk of 8 queues stays below 1,000 series.
ClassicBuckets default_classic_buckets();

// "0.0001220703125,0.5,2": seconds, each within 0.1 % of a native bucket's upper bound, rising. An error names the
// value and the nearest bounds.
Result<ClassicBuckets> parse_classic_buckets(std::string_view text);

}  // namespace vqscope
