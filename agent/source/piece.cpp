// SPDX-License-Identifier: Apache-2.0
#include "agent/source/piece.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <system_error>
#include <utility>

#include "agent/base/utc.h"

namespace vqscope {

namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
// A reading comes some microseconds after the full second.
constexpr std::uint64_t kSlackNs = kSecondNs / 10;

// When the first and the last reading were taken, whatever their order.
Result<TimeSpan> span_of(RecordingReader reader, const std::string& name) {
  std::optional<TimeSpan> span;
  for (;;) {
    const auto next = reader.next();
    if (!next) return tl::unexpected(next.error());
    if (!*next) break;
    const std::uint64_t at = realtime_of((*next)->header, (*next)->reading.snapshot.time_ns);
    span = span ? TimeSpan{std::min(span->begin_ns, at), std::max(span->end_ns, at)} : TimeSpan{at, at};
  }
  if (!span) return fail(name + " has no reading" + (reader.damage() ? ": " + reader.damage()->what : ""));
  return *span;
}

// What a piece is of, in nanoseconds since 1970.
TimeSpan span_wanted(const Piece& piece, const TimeSpan& all) {
  TimeSpan wanted = all;
  if (piece.from) wanted.begin_ns = resolve(*piece.from, all.begin_ns, all.end_ns);
  if (!piece.to) return wanted;
  // A time of the day is that after the beginning.
  const bool of_day = std::holds_alternative<TimeOfDay>(*piece.to);
  const std::uint64_t begin = of_day ? std::clamp(wanted.begin_ns, all.begin_ns, all.end_ns) : all.begin_ns;
  wanted.end_ns = resolve(*piece.to, begin, all.end_ns);
  return wanted;
}

// "from 2026-11-27 14:00:00 to 2026-11-27 14:05:00 UTC"
std::string in_words(const Piece& piece, const TimeSpan& wanted) {
  if (!piece.to) return fmt::format("from {} UTC on", format_utc(wanted.begin_ns));
  if (!piece.from) return fmt::format("up to {} UTC", format_utc(wanted.end_ns));
  return fmt::format("from {} to {} UTC", format_utc(wanted.begin_ns), format_utc(wanted.end_ns));
}

// What gives its bytes only once: standard input, a pipe, but not what is not there.
bool is_read_once(const std::filesystem::path& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  return file == kStandardStream || std::filesystem::is_fifo(status) || std::filesystem::is_character_file(status);
}

// A recording, as often as it takes.
class Rereadable {
 public:
  static Result<Rereadable> create(const std::filesystem::path& file) {
    Rereadable recording;
    recording.file_ = file;
    recording.in_memory_ = is_read_once(file);
    if (!recording.in_memory_) return recording;
    if (file == kStandardStream && ::isatty(STDIN_FILENO) == 1)
      return fail("standard input is a terminal, not a recording");
    errno = 0;
    std::ifstream opened;
    if (file != kStandardStream) opened.open(file, std::ios::binary);
    if (!opened) return fail_errno("cannot open " + file.string());
    std::streambuf* const bytes = file == kStandardStream ? std::cin.rdbuf() : opened.rdbuf();
    recording.bytes_.assign(std::istreambuf_iterator<char>(bytes), {});
    return recording;
  }
  [[nodiscard]] std::string name() const { return file_ == kStandardStream ? "standard input" : file_.string(); }
  [[nodiscard]] Result<RecordingReader> open() const {
    return in_memory_ ? RecordingReader::from_bytes(bytes_, name()) : RecordingReader::open(file_);
  }

 private:
  std::filesystem::path file_;
  bool in_memory_ = false;
  std::string bytes_;
};

}  // namespace

Result<OpenedPiece> open_piece(const Piece& piece, DiskSelection disks) {
  OpenedPiece opened;
  if (!piece.from && !piece.to) {
    auto whole = open_recording(piece.file, std::move(disks));
    if (!whole) return tl::unexpected(whole.error());
    opened.source = std::move(*whole);
    return opened;
  }
  const auto recording = Rereadable::create(piece.file);
  if (!recording) return tl::unexpected(recording.error());
  auto reader = recording->open();
  if (!reader) return tl::unexpected(reader.error());
  const auto all = span_of(std::move(*reader), recording->name());
  if (!all) return tl::unexpected(all.error());
  const TimeSpan wanted = span_wanted(piece, *all);
  const std::string name = recording->name(), what_it_has = name + " is of " + format_span(all->begin_ns, all->end_ns);
  if (wanted.end_ns + kSlackNs < all->begin_ns || wanted.begin_ns > all->end_ns + kSlackNs)
    return fail(fmt::format("nothing {} is in it: {}", in_words(piece, wanted), what_it_has));
  if (wanted.end_ns < wanted.begin_ns)
    return fail(fmt::format("--to ({} UTC) is before --from ({} UTC); {}", format_utc(wanted.end_ns),
                            format_utc(wanted.begin_ns), what_it_has));
  if (wanted.begin_ns + kSecondNs < all->begin_ns)
    opened.notes.push_back(fmt::format("There is nothing of before {} UTC in {}.", format_utc(all->begin_ns), name));
  if (wanted.end_ns > all->end_ns + kSecondNs)
    opened.notes.push_back(fmt::format("There is nothing of after {} UTC in {}.", format_utc(all->end_ns), name));
  auto again = recording->open();
  if (!again) return tl::unexpected(again.error());
  opened.source = recording_between(std::move(*again), name, std::move(disks),
                                    {wanted.begin_ns - std::min(wanted.begin_ns, kSlackNs), wanted.end_ns + kSlackNs});
  return opened;
}

}  // namespace vqscope
