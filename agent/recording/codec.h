// SPDX-License-Identifier: Apache-2.0
// Readings to records and back; see recording.proto. Pure: neither files nor clocks. Not thread-safe: an object serves
// one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/reading.h"
#include "agent/recording/header.h"

namespace vqscope {

// Writes one segment.
class RecordingEncoder {
 public:
  // The preamble and the header; the readings that follow are of a new segment.
  [[nodiscard]] std::string begin(const RecordingHeader& header);

  // The records of a reading, whole: to be appended with a single write().
  [[nodiscard]] std::string add(const Reading& reading);

 private:
  std::optional<Reading> previous_;
  std::string shapes_;  // of previous_
};

// Reads one segment.
class RecordingDecoder {
 public:
  struct Nothing {};  // a record that only prepares others
  using Event = std::variant<Nothing, RecordingHeader, const Reading*>;

  // Takes the message of one record, without length and CRC. The Reading is valid until the next call. An error says
  // what makes no sense; the decoder is of no use after it.
  Result<Event> take(std::string_view message);

 private:
  std::optional<RecordingHeader> header_;
  std::vector<std::optional<std::size_t>> operations_, losses_;  // our numbers, by those in the segment
  bool have_topology_ = false, have_probes_ = false, have_sample_ = false;
  Reading reading_;
};

// A complete recording of one reading, as GET /-/snapshot answers it.
std::string encode_recording(const RecordingHeader& header, const Reading& reading);

}  // namespace vqscope
