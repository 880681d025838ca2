// SPDX-License-Identifier: Apache-2.0
// Pieces of recordings: which readings are in them, and what a copy of one holds.
#include "agent/source/piece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/commands/record/copy.h"
#include "recorder.h"

namespace vqscope {
namespace {

using test::Recorder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kSecond = 1'000'000'000;

Piece piece_of(const std::filesystem::path& file, const char* from = nullptr, const char* to = nullptr) {
  Piece piece{file, {}, {}};
  if (from != nullptr) piece.from = parse_moment(from);
  if (to != nullptr) piece.to = parse_moment(to);
  return piece;
}

std::vector<DecodedSnapshot> all_of(Source& source) {
  std::vector<DecodedSnapshot> all;
  for (;;) {
    auto next = source.read();
    EXPECT_TRUE(next) << next.error().message;
    if (!next || !*next) return all;
    all.push_back(std::move(**next));
  }
}

// Seconds from the recording's start.
std::vector<std::uint64_t> seconds_of(const Piece& piece) {
  auto opened = open_piece(piece, all_disks());
  EXPECT_TRUE(opened) << opened.error().message;
  std::vector<std::uint64_t> seconds;
  if (opened)
    for (const DecodedSnapshot& snapshot : all_of(*opened->source))
      seconds.push_back((realtime_of(snapshot) - Recorder(1).header().started_realtime_ns - kSecond) / kSecond);
  return seconds;
}

std::string why_not(const Piece& piece) {
  const auto opened = open_piece(piece, all_disks());
  return opened ? "" : opened.error().message;
}

TEST(Piece, HasTheReadingsBetweenTwoMoments) {
  Recorder recorder(1);
  recorder.record(10, 100, 1'000'000);
  const auto file = recorder.save();
  EXPECT_THAT(seconds_of(piece_of(file)), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(seconds_of(piece_of(file, "3s", "5s")), ElementsAre(3, 4, 5));
  EXPECT_THAT(seconds_of(piece_of(file, "22:13:24", "2023-11-14T23:13:26+01:00")), ElementsAre(3, 4, 5));
  EXPECT_THAT(seconds_of(piece_of(file, "7s")), ElementsAre(7, 8, 9));
  EXPECT_THAT(seconds_of(piece_of(file, nullptr, "1s")), ElementsAre(0, 1));
}

TEST(Piece, OfATimeThatIsNotInTheRecordingIsRefusedWithWhatIs) {
  Recorder recorder(1);
  recorder.record(10, 100, 1'000'000);
  const auto file = recorder.save();
  const std::string span = file.string() + " is of 2023-11-14 22:13:21 to 2023-11-14 22:13:30 UTC";
  EXPECT_EQ(why_not(piece_of(file, "1m")), "nothing from 2023-11-14 22:14:21 UTC on is in it: " + span);
  EXPECT_THAT(why_not(piece_of(file, "2020-01-01T00:00", "2020-01-01T01:00")), HasSubstr("is in it: " + span));
  EXPECT_THAT(why_not(piece_of(file, "5s", "3s")), AllOf(HasSubstr("is before --from"), HasSubstr(span)));
  const auto partly = open_piece(piece_of(file, "22:00", "8s"), all_disks());
  ASSERT_TRUE(partly);
  EXPECT_THAT(partly->notes,
              ElementsAre("There is nothing of before 2023-11-14 22:13:21 UTC in " + file.string() + "."));
  EXPECT_THAT(open_piece(piece_of(file, "0", "9"), all_disks())->notes, IsEmpty());
}

TEST(Piece, EndsWithinADayOfItsBeginning) {
  Recorder recorder(1);
  recorder.record(2, 100, 1'000'000);
  for (int day = 0; day < 2; ++day) {
    recorder.reading().snapshot.time_ns += 86'400 * kSecond;
    recorder.add_reading();
  }
  // 22:00 of the next day, and 22:30 after that.
  EXPECT_THAT(seconds_of(piece_of(recorder.save(), "2023-11-15T22:00", "22:30")), ElementsAre(86'401));
}

TEST(Piece, HasNoDamageOfWhatIsBehindIt) {
  Recorder recorder(1);
  recorder.record(10, 100, 1'000'000);
  const auto file = recorder.save();
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 3);
  for (const auto& [to, damaged] : {std::pair("5s", false), std::pair("20s", true)}) {
    const auto opened = open_piece(piece_of(file, "2s", to), all_disks());
    ASSERT_TRUE(opened);
    all_of(*opened->source);
    EXPECT_EQ(opened->source->damage().has_value(), damaged) << to;
  }
}

// The message of a copy that fails, or nothing.
std::string copy(const Piece& piece, const std::filesystem::path& file, const std::string& note = "") {
  RecordOptions options;
  options.replay = piece;
  options.file = file;
  options.note = note;
  const auto copied = copy_piece(options);
  if (!copied) return copied.error().message;
  EXPECT_EQ(*copied, 0);
  return "";
}

TEST(Copy, HoldsTheSameReadingsAndTimes) {
  test::TemporaryFolder folder;
  const auto out = folder.path() / "out.vqr", again = folder.path() / "again.vqr";
  Recorder recorder(2);
  recorder.record(10, 1000, 1'000'000).boot("other").record(5, 500, 2'000'000);
  const auto file = recorder.save();
  ASSERT_EQ(copy(piece_of(file), out), "");
  const auto read = [](const std::filesystem::path& path, const char* from = nullptr, const char* to = nullptr) {
    auto opened = open_piece(piece_of(path, from, to), all_disks());
    return opened ? all_of(*opened->source) : std::vector<DecodedSnapshot>();
  };
  const auto expect_same = [](const std::vector<DecodedSnapshot>& a, const std::vector<DecodedSnapshot>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].header, b[i].header) << i;
      EXPECT_EQ(a[i].segment - a[0].segment, b[i].segment - b[0].segment) << i;
      EXPECT_EQ(a[i].reading.snapshot, b[i].reading.snapshot) << i;
      EXPECT_EQ(a[i].reading.topology, b[i].reading.topology) << i;
      EXPECT_EQ(a[i].reading.probes, b[i].reading.probes) << i;
    }
  };
  expect_same(read(out), read(file));
  // Both segments begin at the same moment by their headers.
  ASSERT_EQ(copy(piece_of(file, "3s", "7s"), again), "");
  const auto piece = read(again);
  expect_same(piece, read(file, "3s", "7s"));
  EXPECT_EQ(piece.size(), 5U + 2U);
  EXPECT_EQ(piece[0].header.started_realtime_ns, realtime_of(piece[0])) << "the copy starts where the piece does";
}

TEST(Copy, HasItsOwnNoteOrThatOfTheRecording) {
  test::TemporaryFolder folder;
  Recorder recorder(1);
  recorder.record(3, 1000, 1'000'000);
  ASSERT_EQ(copy(piece_of(recorder.save()), folder.path() / "noted.vqr", "one queue"), "");
  ASSERT_EQ(copy(piece_of(folder.path() / "noted.vqr", "1s"), folder.path() / "kept.vqr"), "");
  const auto opened = open_piece(piece_of(folder.path() / "kept.vqr"), all_disks());
  EXPECT_EQ(read_one(*opened->source)->header.note, "one queue");
}

TEST(Copy, GoesNeverToTheFileThatItIsOf) {
  test::TemporaryFolder folder;
  Recorder recorder(1);
  recorder.record(3, 1000, 1'000'000);
  const auto file = recorder.save();
  const auto link = folder.path() / "link.vqr";
  std::filesystem::create_symlink(file, link);
  const auto size = std::filesystem::file_size(file);
  for (const auto& out : {file, link}) {
    RecordOptions options;
    options.replay.file = file;
    options.file = out;
    options.append = true;
    const auto copied = copy_piece(options);
    ASSERT_FALSE(copied);
    EXPECT_THAT(copied.error().message, HasSubstr("are the same file"));
  }
  EXPECT_EQ(std::filesystem::file_size(file), size);
  EXPECT_THAT(copy(piece_of(file, "1h"), folder.path() / "none.vqr"), HasSubstr("is in it: "));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "none.vqr"));
}

}  // namespace
}  // namespace vqscope
