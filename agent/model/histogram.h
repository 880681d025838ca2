// SPDX-License-Identifier: Apache-2.0
// A latency histogram as the kernel keeps it: cells of bpf/buckets.h and an exact sum.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "bpf/records.h"

namespace vqscope {

// Numbers of cells: `begin` up to, and without, `end`.
struct CellRange {
  std::size_t begin = 0, end = 0;
};

class Histogram {
 public:
  using Cells = std::array<std::uint64_t, VQS_LAST_CELL + 1>;  // cumulative in time, not over buckets

  std::uint64_t sum_ns = 0;

  [[nodiscard]] const Cells& cells() const { return cells_; }

  // Where cells were written: outside of it all are 0. Latencies of a disk lie within a few octaves, so who visits only
  // these saves most of the way, and the memory of the others.
  [[nodiscard]] CellRange range() const { return {begin_, std::max(begin_, end_)}; }

  [[nodiscard]] std::uint64_t count() const {
    const auto [begin, end] = range();
    return std::accumulate(&cells_[0] + begin, &cells_[0] + end, std::uint64_t{0});
  }

  // Whether nothing was counted.
  [[nodiscard]] bool empty() const {
    const auto [begin, end] = range();
    return std::all_of(&cells_[0] + begin, &cells_[0] + end, [](std::uint64_t count) { return count == 0; });
  }

  void set(std::size_t cell, std::uint64_t count) {
    cells_[cell] = count;
    widen({cell, cell + 1});
  }

  // Adds count(i) to each cell i of these.
  template <typename Count>
  void add(CellRange cells, Count count) {
    for (std::size_t cell = cells.begin; cell < cells.end; ++cell) cells_[cell] += count(cell);
    widen(cells);
  }

  void add(std::size_t cell, std::uint64_t count) { set(cell, cells_[cell] + count); }

  Histogram& operator+=(const Histogram& other) {
    add(other.range(), [&other](std::size_t cell) { return other.cells_[cell]; });
    sum_ns += other.sum_ns;
    return *this;
  }

  friend bool operator==(const Histogram& a, const Histogram& b) {
    return a.cells_ == b.cells_ && a.sum_ns == b.sum_ns;
  }

 private:
  void widen(CellRange cells) {
    if (cells.begin == cells.end) return;
    begin_ = std::min(begin_, cells.begin);
    end_ = std::max(end_, cells.end);
  }

  Cells cells_ = {};
  std::size_t begin_ = VQS_LAST_CELL + 1, end_ = 0;
};

}  // namespace vqscope
