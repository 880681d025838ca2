// SPDX-License-Identifier: Apache-2.0
// A latency histogram as the kernel keeps it: cells of bpf/buckets.h and an exact sum.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>

#include "bpf/records.h"

namespace vqscope {

struct Histogram {
  std::array<std::uint64_t, VQS_LAST_CELL + 1> cells = {};  // cumulative in time, not over buckets
  std::uint64_t sum_ns = 0;

  [[nodiscard]] std::uint64_t count() const { return std::accumulate(cells.begin(), cells.end(), std::uint64_t{0}); }

  // Whether nothing was counted. The sum of what takes no time is 0, too.
  [[nodiscard]] bool empty() const {
    return sum_ns == 0 && std::all_of(cells.begin(), cells.end(), [](std::uint64_t cell) { return cell == 0; });
  }

  Histogram& operator+=(const Histogram& other) {
    for (std::size_t i = 0; i < cells.size(); ++i) cells[i] += other.cells[i];
    sum_ns += other.sum_ns;
    return *this;
  }

  friend bool operator==(const Histogram&, const Histogram&) = default;
};

}  // namespace vqscope
