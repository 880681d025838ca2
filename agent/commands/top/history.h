// SPDX-License-Identifier: Apache-2.0
// Readings of the last minutes, or of a whole recording, to go back and forth in. They are kept as a recording has
// them, each as its difference to the one before: some hundred bytes for a quiet disk instead of some hundred kB. An
// object serves one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/recording/codec.h"
#include "agent/recording/reader.h"

namespace vqscope {

class History {
 public:
  // The oldest readings are dropped when all of them together take more than `most_bytes`.
  explicit History(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  void add(DecodedSnapshot snapshot);

  // Readings are counted from 0 in the order in which they were added; those from begin() to, and without, end() are
  // still there.
  [[nodiscard]] std::size_t begin() const { return blocks_.empty() ? 0 : blocks_.front().first; }
  [[nodiscard]] std::size_t end() const { return end_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // When a reading that is there was taken, in nanoseconds since 1970.
  [[nodiscard]] std::uint64_t realtime_ns(std::size_t index) const;

  // The last reading that was taken at a time or before it; the oldest one if there is none.
  [[nodiscard]] std::size_t at(std::uint64_t realtime_ns) const;

  // Calls `see` with each reading from `first` to, and without, `last`, as far as they are there. They are valid during
  // the call only.
  using See = std::function<void(std::size_t index, const RecordingHeader& header, const Reading& reading)>;
  Result<void> visit(std::size_t first, std::size_t last, const See& see) const;

  // The newest; to be called when there is one.
  [[nodiscard]] const DecodedSnapshot& newest() const { return *newest_; }

 private:
  // A segment of a recording.
  struct Block {
    std::size_t first = 0;  // number of its first reading
    std::string bytes;
    std::vector<std::uint64_t> realtimes_ns;
  };

  [[nodiscard]] const Block& block_of(std::size_t index) const;

  std::size_t most_bytes_, bytes_ = 0, end_ = 0;
  std::deque<Block> blocks_;
  RecordingEncoder encoder_;
  std::optional<DecodedSnapshot> newest_;
};

}  // namespace vqscope
