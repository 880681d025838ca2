// SPDX-License-Identifier: Apache-2.0
// Reads histograms that BPF programs write.
#pragma once

#include "agent/model/histogram.h"
#include "bpf/records.h"

namespace vqscope {

// Adds what cells and sum say now to `histogram`. They may grow meanwhile: what is added of each is a value that it had
// during the call, never a torn one, and never less than at the call before. Thread-safe, but for `histogram`.
void add_histogram(const __u64 (&cells)[VQS_CELLS], const __u64& sum, Histogram& histogram);

// Adds one duration.
void add_duration(std::uint64_t ns, Histogram& histogram);

}  // namespace vqscope
