// SPDX-License-Identifier: Apache-2.0
// The last minutes of the live page: a text for each step of time, packed. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace vqscope {

// How far back the page sees, and what that may take however many disks, queues and vCPUs there are.
inline constexpr std::uint64_t kHistorySeconds = 15 * 60;
inline constexpr std::size_t kMostHistoryBytes = std::size_t{8} << 20;

// What a second may take on average, so that all of them find room.
inline constexpr std::size_t kBytesPerSecond = kMostHistoryBytes / kHistorySeconds;

// zlib's, with little memory.
std::string pack(std::string_view text);
std::string unpack(std::string_view packed);

class StepHistory {
 public:
  // Keeps a text that pack() has packed, and forgets what is older than kHistorySeconds, and the oldest if there is no
  // room for all. `time_ns` is of CLOCK_MONOTONIC and rises. Returns the entry's number: 1, 2, 3, ...
  std::uint64_t add(std::uint64_t time_ns, std::string packed);

  // Number of the newest entry; 0: there never was one.
  [[nodiscard]] std::uint64_t newest() const { return newest_; }

  // Number of the oldest that is there.
  [[nodiscard]] std::uint64_t oldest() const { return newest_ - entries_.size() + 1; }

  // As they were added, the entries after number `after`, from the oldest on: `most` of them at the most.
  [[nodiscard]] std::vector<std::string> after(std::uint64_t after, std::size_t most) const;

  // The number of the last entry that after() with these arguments returns; `after` or newest() without any.
  [[nodiscard]] std::uint64_t last_after(std::uint64_t after, std::size_t most) const;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::uint64_t time_ns;
    std::string packed;
  };

  [[nodiscard]] static std::size_t bytes_of(const Entry& entry);
  [[nodiscard]] std::size_t first_after(std::uint64_t after) const;
  void forget_oldest();

  std::deque<Entry> entries_;  // oldest first; the last has the number newest_
  std::uint64_t newest_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace vqscope
