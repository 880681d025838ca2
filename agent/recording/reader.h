// SPDX-License-Identifier: Apache-2.0
// Reads a recording from its first reading to its last, one at a time. An object serves one thread at a time.
#pragma once

#include <filesystem>
#include <istream>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/result.h"
#include "agent/recording/codec.h"

namespace vqscope {

// A reading and where it stands. Valid until the next call of next().
struct RecordedReading {
  const RecordingHeader& header;
  std::size_t segment = 0;  // counted from 0
  const Reading& reading;
};

// Why a recording ends before its file does.
struct RecordingDamage {
  std::uint64_t offset = 0;  // bytes that are sound
  std::string what;          // "the last record is not whole"
  bool torn = false;         // the last record only, as a crash or a full disk leaves it
};

class RecordingReader {
 public:
  // Of "-", reads standard input. `name` is what errors call it. Fails when it is no recording, or one of a newer
  // format.
  static Result<RecordingReader> open(const std::filesystem::path& path);
  static Result<RecordingReader> from_bytes(std::string bytes, std::string name);

  // The next reading; nullopt at the end, be it of the file or of what is sound of it: see damage(). An error is a
  // file that cannot be read, or a segment of a newer format.
  Result<std::optional<RecordedReading>> next();

  // Set once next() has returned nullopt and there was more that could not be read.
  [[nodiscard]] const std::optional<RecordingDamage>& damage() const { return damage_; }

 private:
  RecordingReader(std::unique_ptr<std::istream> input, std::string name)
      : input_(std::move(input)), name_(std::move(name)) {}

  static Result<RecordingReader> create(std::unique_ptr<std::istream> input, std::string name);
  // Reads up to `size` bytes; fewer at the end.
  Result<std::string> take(std::size_t size);
  // Begins a segment after its magic.
  Result<bool> begin_segment();
  bool rest_is_zero();
  // The message of the next record; nullopt at the end or at damage.
  Result<std::optional<std::string>> next_message();
  void damaged(std::string what, bool torn) { damage_ = {sound_, std::move(what), torn}; }

  std::unique_ptr<std::istream> input_;
  std::string name_;
  std::uint64_t read_ = 0, sound_ = 0;  // bytes
  std::size_t segments_ = 0;
  RecordingDecoder decoder_;
  std::optional<RecordingHeader> header_;
  std::optional<RecordingDamage> damage_;
};

// "FILE is sound up to byte 8 only (the last record is not whole); what comes after is left out"
std::string cut_short(const std::string& name, const RecordingDamage& damage);

// A reading, whose it is, and its segment: there is another one once the counters began anew.
struct DecodedSnapshot {
  RecordingHeader header;
  Reading reading;
  std::size_t segment = 0;
};

// When it was taken, in nanoseconds since 1970.
std::uint64_t realtime_of(const DecodedSnapshot& snapshot);

// Its header, of a segment that starts with it.
RecordingHeader starting_at(const DecodedSnapshot& snapshot);

// The first reading of a recording in memory, such as GET /-/snapshot answers.
Result<DecodedSnapshot> decode_recorded_snapshot(std::string bytes, std::string name);

}  // namespace vqscope
