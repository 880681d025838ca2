// SPDX-License-Identifier: Apache-2.0
// Readings as they go to a recording's file. An object serves one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "agent/recording/codec.h"
#include "agent/recording/reader.h"
#include "agent/recording/writer.h"

namespace vqscope {

// A sentence on the end of a file that was cut off before it is appended to.
std::string what_was_cut_off(const RecordingWriter& writer);

class Tape {
 public:
  // A note that is not empty is that of every segment.
  Tape(RecordingWriter writer, std::string note) : writer_(std::move(writer)), note_(std::move(note)) {}

  // The segments of what is added are those of the file.
  Result<void> add(const DecodedSnapshot& snapshot);

  // Whether a reading begins another segment than those before it.
  [[nodiscard]] bool begins_anew(const DecodedSnapshot& snapshot) const {
    return segment_ && *segment_ != snapshot.segment;
  }

  // "61 readings, 12.3 kB, are in run.vqr"
  [[nodiscard]] std::string what_is_in_it() const;

  RecordingWriter& writer() { return writer_; }
  [[nodiscard]] const RecordingWriter& writer() const { return writer_; }
  [[nodiscard]] std::uint64_t readings() const { return readings_; }

 private:
  RecordingWriter writer_;
  RecordingEncoder encoder_;
  std::string note_;
  std::optional<std::size_t> segment_;
  std::uint64_t readings_ = 0;
};

}  // namespace vqscope
