// SPDX-License-Identifier: Apache-2.0
// Whose recording it is, and the preamble by which a recording is known; see recording.proto.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace vqscope {

// The first bytes of every segment.
inline constexpr std::string_view kRecordingMagic = "\x89VQR\r\n\x1a\n";
// The newest format that is read, and the one that is written.
inline constexpr std::uint32_t kRecordingFormat = 1;
// No record is longer; some hundred disks with a hundred queues each fit many times.
inline constexpr std::uint32_t kMaxRecordBytes = 16 << 20;

// The path by which `compare` means standard input, and `record` standard output.
inline constexpr std::string_view kStandardStream = "-";

inline constexpr std::string_view kRecordingMediaType = "application/vnd.vqscope.recording";

// What a segment says of itself.
struct RecordingHeader {
  std::string vqscope_version;
  std::string kernel_release, machine;     // uname -r and -m
  std::string boot_id;                     // empty: not known
  std::uint64_t started_realtime_ns = 0;   // since 1970, UTC
  std::uint64_t started_monotonic_ns = 0;  // the same moment
  std::uint64_t counting_since_ns = 0;     // CLOCK_MONOTONIC when the counters began at 0
  std::string note;
  std::string kernel_version = {};  // uname -v; empty: not known

  friend bool operator==(const RecordingHeader&, const RecordingHeader&) = default;
};

// Readings are meant to be a second apart or less: with so long between two, there is one missing.
inline constexpr std::uint64_t kMissedNs = 2'500'000'000;
// They come up to so much after the full second.
inline constexpr std::uint64_t kLateNs = 100'000'000;

// When a reading of CLOCK_MONOTONIC `time_ns` was taken, in nanoseconds since 1970.
std::uint64_t realtime_of(const RecordingHeader& header, std::uint64_t time_ns);

// Whether the counters of two readings that followed one another are of one run of the agent.
bool is_same_run(const RecordingHeader& earlier, const RecordingHeader& later);

// Of this guest, starting now.
RecordingHeader make_recording_header(const std::filesystem::path& procfs, std::uint64_t counting_since_ns,
                                      std::string note = {});

}  // namespace vqscope
