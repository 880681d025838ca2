// SPDX-License-Identifier: Apache-2.0
// Hands out ranges of record numbers in an array, first fit. Not thread-safe.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>

namespace vqscope {

class Extents {
 public:
  // Numbers 0 .. capacity - 1, all free.
  explicit Extents(std::uint32_t capacity) {
    if (capacity > 0) free_[0] = capacity;
  }

  // First number of a free range of `count` (> 0) numbers; nullopt if there is none.
  std::optional<std::uint32_t> allocate(std::uint32_t count) {
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      const auto [first, size] = *it;
      if (size < count) continue;
      free_.erase(it);
      if (size > count) free_[first + count] = size - count;
      return first;
    }
    return std::nullopt;
  }

  // Gives back a range that allocate() gave.
  void release(std::uint32_t first, std::uint32_t count) {
    auto next = free_.lower_bound(first);
    if (next != free_.end() && first + count == next->first) {
      count += next->second;
      next = free_.erase(next);
    }
    if (next != free_.begin())
      if (auto before = std::prev(next); before->first + before->second == first) {
        before->second += count;
        return;
      }
    free_[first] = count;
  }

 private:
  std::map<std::uint32_t, std::uint32_t> free_;  // first -> count, never adjacent
};

}  // namespace vqscope
