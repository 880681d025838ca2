// SPDX-License-Identifier: Apache-2.0
// Recordings: the reader of files and of /-/snapshot, and all that `compare` and `doctor` make of what it read.
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "agent/commands/compare/render.h"
#include "agent/commands/compare/sides.h"
#include "agent/commands/doctor/report.h"
#include "agent/comparison/report.h"
#include "agent/recording/codec.h"
#include "agent/recording/reader.h"
#include "tests/fuzz/fuzz.h"

namespace vqscope {
namespace {

using fuzz::require;

// A mutated record would never get past its checksum, so every whole record gets the right one.
std::string with_checksums(std::string bytes) {
  constexpr std::size_t kFrame = 8;
  std::size_t at = 0;
  while (at + kFrame <= bytes.size()) {
    if (std::string_view(bytes).substr(at, kRecordingMagic.size()) == kRecordingMagic) {
      at += kRecordingMagic.size() + 4;
      continue;
    }
    std::uint32_t length = 0;  // little-endian, as the machines that this runs on
    std::memcpy(&length, bytes.data() + at, sizeof length);
    if (length > bytes.size() - at - kFrame) break;
    const auto crc =
        static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data() + at + kFrame), length));
    std::memcpy(bytes.data() + at + 4, &crc, sizeof crc);
    at += kFrame + length;
  }
  return bytes;
}

struct Found {
  std::vector<Reading> readings;
  std::optional<RecordingDamage> damage;
  bool failed = false;
};

Found read_all(std::string bytes) {
  // More readings teach nothing new, and each is a copy.
  constexpr std::size_t kEnough = 64;
  Found found;
  auto reader = RecordingReader::from_bytes(std::move(bytes), "input");
  found.failed = !reader;
  while (!found.failed && found.readings.size() < kEnough) {
    const auto next = reader->next();
    found.failed = !next;
    if (!next || !*next) break;
    found.readings.push_back((*next)->reading);
  }
  if (reader) found.damage = reader->damage();
  return found;
}

// What `record --append` relies on: a damaged recording is sound up to where it says.
void check_sound_part(const std::string& bytes, const Found& found) {
  if (!found.damage) return;
  require(found.damage->offset <= bytes.size());
  if (found.damage->offset == 0) return;
  const Found sound = read_all(bytes.substr(0, found.damage->offset));
  require(!sound.failed && !sound.damage && sound.readings.size() == found.readings.size());
}

// What was decoded can be encoded again, and is then the same.
void check_round_trip(const Found& found) {
  if (found.readings.empty()) return;
  const Reading& reading = found.readings.back();
  const auto again = decode_recorded_snapshot(encode_recording(RecordingHeader{}, reading), "again");
  require(again.has_value());
  require(again->reading.topology == reading.topology && again->reading.snapshot == reading.snapshot);
}

void diagnose_all(const Found& found) {
  if (found.readings.empty()) return;
  Course course;
  for (const Reading& reading : found.readings) course.add(reading.topology, reading.snapshot);
  const Report report = make_report(found.readings.front(), found.readings.back(), course, {});
  require(!to_text(report, TextStyle{}).empty());
  require(!to_json(report).empty());
}

// `compare` takes files.
class File {
 public:
  File() : fd_(::memfd_create("recording", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(fd_)) {
    require(fd_ >= 0);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(fd_); }

  const std::string& hold(const std::string& bytes) {
    require(::ftruncate(fd_, 0) == 0 &&
            ::pwrite(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    return path_;
  }

 private:
  int fd_;
  std::string path_;
};

void compare_with_itself(const std::string& bytes) {
  static File file;
  const std::string& path = file.hold(bytes);
  (void)count_segments(path);
  const auto series = load_series(path, {});
  if (!series) return;
  const auto comparison = compare_series(*series, *series, {}, 0.05);
  if (!comparison) return;
  require(!render_text(*comparison).empty());
  require(!render_markdown(*comparison).empty());
  require(!render_json(*comparison).empty());
  require(overall(*comparison) == Verdict::kNoDifference || overall(*comparison) == Verdict::kNotComparable);
}

}  // namespace
}  // namespace vqscope

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string raw(vqscope::fuzz::text(data, size));
  vqscope::check_sound_part(raw, vqscope::read_all(raw));
  const std::string bytes = vqscope::with_checksums(raw);
  const auto found = vqscope::read_all(bytes);
  vqscope::check_sound_part(bytes, found);
  vqscope::check_round_trip(found);
  vqscope::diagnose_all(found);
  vqscope::compare_with_itself(bytes);
  return 0;
}
