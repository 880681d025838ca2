// SPDX-License-Identifier: Apache-2.0
// `vqscope top` without a terminal: what is kept, what is shown of it, and what keys change.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

#include "agent/commands/top/frame.h"
#include "agent/commands/top/history.h"
#include "agent/commands/top/moment.h"
#include "agent/commands/top/player.h"
#include "agent/commands/top/ui.h"
#include "agent/model/buckets.h"
#include "readings.h"

namespace vqscope {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1'800'000'000 * kSecond;  // 2027-01-15 08:00:00 UTC

// Readings of one guest, a second apart.
class Readings {
 public:
  explicit Readings(unsigned queues = 2, unsigned cpus = 0) : reading_(test::quiet_reading(queues, cpus)) {
    header_.started_realtime_ns = kStart;
    header_.started_monotonic_ns = reading_.snapshot.time_ns;
    header_.counting_since_ns = 1;
    header_.boot_id = "boot";
  }

  Reading& reading() { return reading_; }
  RecordingHeader& header() { return header_; }

  // So many reads on a queue in the second that ends with the next reading.
  void read(std::size_t queue, std::uint64_t count, std::uint64_t device_ns, std::size_t disk = 0) {
    QueueCounters& counters = (*reading_.snapshot.devices[disk].queues)[queue];
    if (!counters.ops[VQS_READ]) counters.ops[VQS_READ].emplace();
    counters.ops[VQS_READ]->device.add(cell_of(device_ns), count);
    counters.ops[VQS_READ]->device.sum_ns += count * device_ns;
    counters.ops[VQS_READ]->bytes += count << 20;
    counters.device_ns += count * device_ns;
    counters.inflight_ns += count * device_ns;
    counters.origins[0].local += count;
  }

  void add_disk(const std::string& name) {
    reading_.topology.disks.push_back(reading_.topology.disks.front());
    reading_.snapshot.devices.push_back(reading_.snapshot.devices.front());
    reading_.topology.disks.back().name = reading_.snapshot.devices.back().name = name;
  }

  DecodedSnapshot next() {
    DecodedSnapshot snapshot{header_, reading_};
    reading_.snapshot.time_ns += kSecond;
    return snapshot;
  }

 private:
  Reading reading_;
  RecordingHeader header_;
};

constexpr Canvas kTerminal{80, 24, false};

std::vector<std::string> text_of(const Frame& frame) {
  std::vector<std::string> rows;
  for (const TextLine& row : frame.lines) rows.push_back(text_of(row));
  return rows;
}

std::vector<std::string> draw(Player& player, const Canvas& canvas = kTerminal) {
  const auto frame = player.draw(canvas);
  EXPECT_TRUE(frame) << frame.error().message;
  return frame ? text_of(**frame) : std::vector<std::string>();
}

void press(Player& player, std::string_view keys) {
  for (const char key : keys) player.press(static_cast<Key>(key));
}

// The disks' names in the order of the list.
std::vector<std::string> listed(Player& player) {
  std::vector<std::string> names;
  const auto frame = player.draw(kTerminal);
  for (const TextLine& row : (*frame)->lines)
    if (!row.disk.empty() && text_of(row).starts_with(row.disk)) names.push_back(row.disk);
  return names;
}

// The words of the row that begins with a word.
std::vector<std::string> words_of(const std::vector<std::string>& rows, std::string_view first) {
  for (const std::string& row : rows) {
    std::vector<std::string> words;
    std::istringstream text(row);
    for (std::string word; text >> word;) words.push_back(word);
    if (!words.empty() && words.front() == first) return words;
  }
  return {};
}

TEST(Moment, IsWrittenAsPeopleDo) {
  const auto at = [](std::string_view text) {
    const auto moment = parse_moment(text);
    return moment ? std::optional((resolve(*moment, kStart) - kStart) / kSecond) : std::nullopt;
  };
  EXPECT_EQ(at("90"), 90U);
  EXPECT_EQ(at("1m30s"), 90U);
  EXPECT_EQ(at("08:01:30"), 90U);
  EXPECT_EQ(at("08:02"), 120U);
  EXPECT_EQ(at("07:59"), 86'400U - 60) << "of the next day, for the recording began after it";
  EXPECT_EQ(at("2027-01-15T08:01:30Z"), 90U);
  EXPECT_EQ(at("2027-01-15 08:01:30"), 90U);
  for (const char* text : {"", "soon", "24:00", "8:00", "08:60", "08:00:00:00", "2027-01-15", "2027-13-15T08:00",
                           "2027-02-30T08:00", "2027-01-15T", "1969-12-31T08:00", "08:0x"})
    EXPECT_FALSE(parse_moment(text)) << text;
}

TEST(History, GivesBackWhatWasAddedInAnyOrder) {
  Readings readings;
  std::mt19937_64 random(1);
  History history(~std::size_t{0});
  std::vector<Reading> added;
  for (int i = 0; i < 200; ++i) {
    test::stir(readings.reading(), random);
    added.push_back(readings.next().reading);
    history.add({readings.header(), added.back()});
  }
  ASSERT_EQ(history.end(), 200U);
  for (const std::size_t first : {0U, 63U, 64U, 150U, 199U}) {
    std::size_t next = first;
    ASSERT_TRUE(history.visit(first, first + 3, [&](std::size_t i, const RecordingHeader&, const Reading& reading) {
      EXPECT_EQ(i, next++);
      EXPECT_EQ(reading.snapshot, added[i].snapshot) << i;
    }));
    EXPECT_EQ(next, std::min<std::size_t>(first + 3, 200)) << first;
  }
}

TEST(History, DropsTheOldestWhenItIsFull) {
  Readings readings(8);
  std::mt19937_64 random(1);
  constexpr std::size_t kRoom = 512 << 10;
  History history(kRoom);
  for (int i = 0; i < 2'000; ++i) {
    test::stir(readings.reading(), random);
    history.add(readings.next());
    ASSERT_LE(history.bytes(), kRoom + (256 << 10)) << "the newest block is kept whole";
  }
  EXPECT_EQ(history.end(), 2'000U);
  EXPECT_GT(history.begin(), 0U);
  std::size_t seen = 0;
  ASSERT_TRUE(history.visit(0, 2'000, [&](std::size_t, const RecordingHeader&, const Reading&) { ++seen; }));
  EXPECT_EQ(seen, history.end() - history.begin());
}

TEST(History, FindsTheReadingOfATime) {
  Readings readings;
  History history(~std::size_t{0});
  for (int i = 0; i < 100; ++i) history.add(readings.next());
  EXPECT_EQ(history.at(kStart + 70 * kSecond + 5), 70U);
  EXPECT_EQ(history.at(0), 0U);
  EXPECT_EQ(history.at(kStart + 1'000 * kSecond), 99U);
  EXPECT_EQ(history.realtime_ns(99), kStart + 99 * kSecond);
}

TEST(TopPicture, IsThereBeforeThereIsAReading) {
  Player player(Ui{});
  player.tell("Looking for an agent ...");
  const auto rows = draw(player);
  EXPECT_THAT(rows, SizeIs(24));
  EXPECT_THAT(rows, Contains("Looking for an agent ..."));
}

TEST(TopPicture, ShowsTheDisksThatThereAreUntilThereIsAReading) {
  Readings readings(1, 4);
  Player player(Ui{});
  player.preview(readings.reading().topology, kStart);
  EXPECT_THAT(words_of(draw(player), "vda"), ElementsAre("vda", "-", "-", "-", "-", "-", "-", "-", "1/4", "-", "-"));
  player.press('2');
  EXPECT_THAT(draw(player), Contains(HasSubstr("1 queue for 4 vCPUs")));
  readings.add_disk("vdb");
  player.add(readings.next());
  player.press('1');
  EXPECT_THAT(listed(player), ElementsAre("vda", "vdb"));
}

TEST(TopPicture, ShowsTheTopologyOfTheFirstReadingAndNoNumbers) {
  Readings readings(1, 4);
  Player player(Ui{});
  player.add(readings.next());
  EXPECT_THAT(words_of(draw(player), "vda"), ElementsAre("vda", "-", "-", "-", "-", "-", "-", "-", "1/4", "-", "-"));
}

TEST(TopPicture, HasALineForEachDiskWithTheNumbersOfTheWindow) {
  Readings readings;
  readings.add_disk("vdb");
  Player player(Ui{});
  player.add(readings.next());
  readings.read(0, 2'000, 1'000'000);
  readings.reading().snapshot.devices[0].vectors[0].per_cpu = {3, 1};
  player.add(readings.next());
  const auto rows = draw(player);
  const auto vda = words_of(rows, "vda");
  ASSERT_THAT(vda, SizeIs(14)) << ::testing::PrintToString(rows);
  EXPECT_EQ(vda[1], "2,000");
  EXPECT_EQ(vda[2], "2,000");  // MiB/s
  EXPECT_EQ(vda[3], "2");      // in flight: 2,000 x 1 ms in a second
  EXPECT_THAT(fmt::format("{}", fmt::join(vda, " ")), HasSubstr(" 0:75% "));
  const auto vdb = words_of(rows, "vdb");
  EXPECT_EQ(vdb[1], "0") << "measured, and there was none";
  for (const std::string& row : rows) EXPECT_LE(row.size(), 80U) << row;
}

TEST(TopPicture, MarksQuantilesOfFewRequests) {
  Readings readings;
  Player player(Ui{});
  player.add(readings.next());
  readings.read(0, 100, 1'000'000);
  player.add(readings.next());
  const auto row = fmt::format("{}", fmt::join(words_of(draw(player), "vda"), " "));
  EXPECT_THAT(row, HasSubstr("~"));
  readings.read(0, 100'000, 1'000'000);
  player.add(readings.next());
  EXPECT_THAT(fmt::format("{}", fmt::join(words_of(draw(player), "vda"), " ")), Not(HasSubstr("~")));
}

TEST(TopPicture, LeavesNumbersOutWhereTheCountersBeganAnew) {
  Readings readings;
  Player player(Ui{});
  readings.read(0, 100, 1'000'000);
  player.add(readings.next());
  Readings restarted;
  restarted.header().counting_since_ns = 2;
  restarted.reading().snapshot.time_ns = readings.reading().snapshot.time_ns;
  player.add(restarted.next());
  EXPECT_EQ(words_of(draw(player), "vda")[1], "-");
  player.add(restarted.next());
  EXPECT_EQ(words_of(draw(player), "vda")[1], "0");
}

TEST(TopPicture, SaysWhatIsMissing) {
  Readings readings;
  readings.reading().probes = {{"block", false, "not permitted\x1b[2J", {}}};
  readings.reading().snapshot.devices[0].queues.reset();
  Player player(Ui{});
  player.add(readings.next());
  player.add(readings.next());
  const auto rows = draw(player);
  EXPECT_THAT(rows, Contains("No requests are seen: not permitted?[2J"));
  EXPECT_EQ(words_of(rows, "vda")[1], "-");
}

TEST(TopPicture, SortsByAColumnAndPutsLastWhatWasNotMeasured) {
  Readings readings;
  readings.add_disk("vdb");
  readings.add_disk("vdc");
  readings.reading().snapshot.devices[0].queues.reset();
  Player player(Ui{});
  player.add(readings.next());
  readings.read(0, 10, 1'000'000, 1);
  readings.read(0, 20, 1'000'000, 2);
  player.add(readings.next());
  EXPECT_THAT(listed(player), ElementsAre("vda", "vdb", "vdc"));
  press(player, ">");
  EXPECT_THAT(listed(player), ElementsAre("vdc", "vdb", "vda"));
  press(player, "r");
  EXPECT_THAT(listed(player), ElementsAre("vdb", "vdc", "vda"));
  press(player, "<");
  EXPECT_THAT(listed(player), ElementsAre("vdc", "vdb", "vda"));
}

TEST(TopPicture, FiltersDisksByAPartOfTheirNames) {
  Readings readings;
  readings.add_disk("nvme0n1");
  Player player(Ui{});
  player.add(readings.next());
  press(player, "/nvq");
  EXPECT_THAT(listed(player), IsEmpty());
  EXPECT_FALSE(player.ui().quit) << "q was typed into the filter";
  player.press(kBackspace);
  player.press(kEnter);
  EXPECT_THAT(listed(player), ElementsAre("nvme0n1"));
  press(player, "k");
  EXPECT_EQ(player.ui().filter, "nv");
  player.press(kEscape);
  EXPECT_THAT(listed(player), SizeIs(2));
}

TEST(TopPicture, KeepsTheSelectedDiskInSight) {
  Readings readings;
  for (int i = 0; i < 40; ++i) readings.add_disk(fmt::format("x{:02}", i));
  Player player(Ui{});
  player.add(readings.next());
  EXPECT_THAT(listed(player), Contains("vda"));
  player.press(kEnd);
  EXPECT_THAT(listed(player), AllOf(Contains("x39"), Not(Contains("vda"))));
  player.press(kHome);
  EXPECT_THAT(listed(player), AllOf(Contains("vda"), Not(Contains("x39"))));
}

TEST(TopPicture, OpensADisk) {
  Readings readings(2);
  Player player(Ui{});
  player.add(readings.next());
  readings.read(1, 1'000, 1'000'000);
  readings.reading().snapshot.devices[0].vectors[1].per_cpu = {1, 3};
  player.add(readings.next());
  draw(player);
  player.press(kEnter);
  const auto rows = draw(player, {80, std::nullopt, false});
  EXPECT_THAT(rows, Contains(HasSubstr("virtio_blk, virtio-pci, 0000:00:02.0, elevator none; 2 queues for 2 vCPUs")));
  EXPECT_EQ(words_of(rows, "read")[1], "1,000");
  EXPECT_THAT(rows, Contains(StartsWith("queue 1")));
  EXPECT_THAT(rows, Contains(HasSubstr("   25%  75%")));
  const auto queue = words_of(rows, "1");
  ASSERT_THAT(queue, SizeIs(testing::Ge(6U)));
  EXPECT_EQ(queue[2], "1,000");
  EXPECT_EQ(queue[3], "100%");
  player.press(kEscape);
  EXPECT_EQ(player.ui().screen, Screen::kDisks);
}

TEST(TopPicture, DrawsTheLastMinuteAsAStrip) {
  Readings readings;
  Player player(Ui{});
  player.press('2');
  player.add(readings.next());
  for (int i = 0; i < 90; ++i) {
    readings.read(0, 100, i < 89 ? 1'000'000 : 64'000'000);
    player.add(readings.next());
    if (i % 7 == 0) draw(player);  // however often it is drawn
  }
  const auto rows = draw(player, {80, std::nullopt, false});
  EXPECT_THAT(rows, Contains(StartsWith("Time at the device, 60 s: columns of 1 s, rows")));
  std::size_t slow = 0, fast = 0;
  for (const std::string& row : rows) {
    if (row.find('#') == std::string::npos || row.find("ms ") != 6) continue;
    const auto marks = static_cast<std::size_t>(std::count(row.begin(), row.end(), '#'));
    if (marks == 1) {
      EXPECT_EQ(row.find('#'), 9U + 59) << "the newest is on the right";
      ++slow;
    } else {
      EXPECT_EQ(marks, 59U);
      ++fast;
    }
  }
  EXPECT_EQ(slow, 1U);
  EXPECT_EQ(fast, 1U);
  press(player, "o");
  EXPECT_THAT(draw(player, {80, std::nullopt, false}), Contains(StartsWith("Time before issue")));
}

TEST(TopPicture, FoldsManyQueuesAndVcpus) {
  Readings readings(64, 64);
  Player player(Ui{});
  player.press('2');
  player.add(readings.next());
  for (std::size_t q = 0; q < 64; ++q) {
    readings.read(q, 10 + (q == 63 ? 1'000 : 0), 1'000'000);
    readings.reading().snapshot.devices[0].vectors[q].per_cpu[q] = 10;
  }
  player.add(readings.next());
  const auto rows = draw(player, {80, std::nullopt, false});
  for (const std::string& row : rows) EXPECT_LE(row.size(), 80U) << row;
  EXPECT_THAT(rows, Contains("... and 48 quieter queues"));
  EXPECT_THAT(rows, Contains(StartsWith("queue 63")));
  EXPECT_EQ(words_of(rows, "63")[2], "1,010") << "all queues have a line below";
  // Both blocks have a column for each vCPU.
  EXPECT_THAT(rows, Contains(HasSubstr("0123456789012345678901234567890123456789012345678901234567890123")).Times(2));
  const auto wide = draw(player, {1'000, std::nullopt, true});
  EXPECT_THAT(wide, Contains(AllOf(HasSubstr("requests from vCPU"), HasSubstr("interrupts on vCPU"))));
}

TEST(TopPicture, IsAsHighAndAtTheMostAsWideAsTheTerminal) {
  Readings readings(16, 300);
  std::mt19937_64 random(3);
  Player player(Ui{});
  for (int i = 0; i < 3; ++i) {
    test::stir(readings.reading(), random);
    player.add(readings.next());
  }
  for (const bool utf8 : {false, true})
    for (const char screen : {'1', '2', '3', '?'}) {
      player.press(static_cast<Key>(screen));
      for (const std::size_t width : {1U, 2U, 9U, 20U, 79U, 200U, 1'000U})
        for (const std::size_t height : {1U, 2U, 5U, 24U, 200U}) {
          const auto frame = player.draw({width, height, utf8});
          ASSERT_TRUE(frame);
          EXPECT_EQ((*frame)->lines.size(), height) << screen << width;
          for (const TextLine& row : (*frame)->lines) {
            const std::string text = text_of(row);
            EXPECT_LE(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }),
                      static_cast<std::ptrdiff_t>(width));
            EXPECT_THAT(text, Not(HasSubstr("\x1b")));
            EXPECT_TRUE(utf8 || std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; })) << text;
          }
        }
    }
}

TEST(TopPicture, ScrollsNoFurtherThanItsEnd) {
  Readings readings(64, 64);
  Player player(Ui{});
  player.press('2');
  player.add(readings.next());
  player.add(readings.next());
  draw(player);
  player.press(kEnd);
  const auto end = draw(player);
  EXPECT_THAT(words_of(end, "63"), Not(IsEmpty()));
  player.press(kUp);
  EXPECT_THAT(words_of(draw(player), "63"), IsEmpty()) << "one line up from the end, at once";
  player.press(kHome);
  EXPECT_THAT(draw(player), Contains(HasSubstr("64 queues for 64 vCPUs")));
}

TEST(TopTime, StandsStillWhilePausedAndGoesBackAndForth) {
  Readings readings;
  Player player(Ui{});
  player.add(readings.next());
  for (std::uint64_t i = 1; i <= 100; ++i) {
    readings.read(0, i, 1'000'000);
    player.add(readings.next());
  }
  const auto rate = [&] { return words_of(draw(player), "vda")[1]; };
  EXPECT_EQ(rate(), "100");
  player.press(kLeft);
  EXPECT_EQ(rate(), "99");
  EXPECT_THAT(draw(player)[0], HasSubstr("PAUSED"));
  player.add(readings.next());
  EXPECT_EQ(rate(), "99") << "while readings come";
  press(player, "[");
  EXPECT_EQ(rate(), "39");
  press(player, "[");
  EXPECT_EQ(rate(), "-") << "the oldest one has none before it";
  press(player, "tt]");
  EXPECT_EQ(rate(), "62");
  press(player, "l");
  EXPECT_EQ(rate(), "0");
  EXPECT_FALSE(player.ui().paused);
}

TEST(TopFindings, AreThoseOfTheLastSecondsWithTheirRemedies) {
  Readings readings(1, 4);
  Player player(Ui{});
  for (int i = 0; i < 12; ++i) {
    readings.read(0, 50'000, 100'000);
    for (OriginCounters& origin : (*readings.reading().snapshot.devices[0].queues)[0].origins) origin.local += 5'000;
    readings.reading().snapshot.devices[0].vectors[0].per_cpu[0] += 20'000;
    player.add(readings.next());
  }
  const auto list = draw(player);
  EXPECT_THAT(list, Contains(HasSubstr("Found in 10 s")));
  EXPECT_THAT(list, Contains(HasSubstr("vda: ")));
  press(player, "3");
  const auto rows = draw(player, {80, std::nullopt, false});
  EXPECT_THAT(rows, Contains(HasSubstr("More: vqscope explain single_queue")));
  EXPECT_THAT(rows, Contains(HasSubstr("num-queues")));
  // A command that is cut is seen to be.
  for (const std::string& row : draw(player, {50, std::nullopt, false}))
    EXPECT_TRUE(!row.starts_with("      ") || row.size() < 50 || row.ends_with("has all of it)")) << row;
}

TEST(TopKeys, AreEachBoundOnceAndInTheHelp) {
  std::set<Key> keys;
  std::string help;
  for (const TextLine& row : help_lines()) help += text_of(row) + "\n";
  for (const Binding& binding : bindings()) {
    for (const Key key : binding.keys) EXPECT_TRUE(keys.insert(key).second) << binding.names;
    EXPECT_THAT(help, HasSubstr(fmt::format("{:<16}{}", binding.names, binding.what)));
  }
}

TEST(TopKeys, ChangeTheInterval) {
  Ui ui;
  ui.interval_seconds = 0.7;
  ui = press(ui, '-', {});
  EXPECT_EQ(ui.interval_seconds, 0.5);
  for (int i = 0; i < 20; ++i) ui = press(ui, '-', {});
  EXPECT_EQ(ui.interval_seconds, 0.1);
  for (int i = 0; i < 20; ++i) ui = press(ui, '+', {});
  EXPECT_EQ(ui.interval_seconds, 60);
}

TEST(TopKeys, LeadThroughTheScreensAndBack) {
  Ui ui;
  const Extent extent{.disks = {"vda"}};
  ui = press(ui, kTab, extent);
  EXPECT_EQ(ui.screen, Screen::kDisk);
  ui = press(ui, '?', extent);
  EXPECT_EQ(ui.screen, Screen::kHelp);
  ui = press(ui, '?', extent);
  EXPECT_EQ(ui.screen, Screen::kDisk);
  ui = press(ui, kTab, extent);
  EXPECT_EQ(ui.screen, Screen::kFindings);
  ui = press(ui, kEscape, extent);
  EXPECT_EQ(ui.screen, Screen::kDisks);
  EXPECT_TRUE(press(ui, 'q', extent).quit);
  EXPECT_EQ(click(click(ui, "vda"), "vda").screen, Screen::kDisk) << "a second click opens it";
}

// Readings that were recorded.
class Recorded : public Source {
 public:
  explicit Recorded(std::deque<DecodedSnapshot> readings) : readings_(std::move(readings)) {}
  Result<std::optional<DecodedSnapshot>> read() override {
    if (readings_.empty()) return std::nullopt;
    auto next = std::move(readings_.front());
    readings_.pop_front();
    return next;
  }
  [[nodiscard]] std::string place() const override { return "run.vqr"; }

 private:
  std::deque<DecodedSnapshot> readings_;
};

std::unique_ptr<Source> recording_of(std::uint64_t seconds) {
  Readings readings;
  std::deque<DecodedSnapshot> all = {readings.next()};
  for (std::uint64_t i = 1; i <= seconds; ++i) {
    readings.read(0, i, 1'000'000);
    all.push_back(readings.next());
  }
  return std::make_unique<Recorded>(std::move(all));
}

TEST(TopReplay, GoesToItsEnd) {
  auto player = Player::of_recording(recording_of(200), {}, std::nullopt);
  ASSERT_TRUE(player);
  press(**player, "l");
  EXPECT_EQ(words_of(draw(**player), "vda")[1], "200");
}

TEST(TopReplay, BeginsWhereItIsToldAndGoesOnWithItsReadings) {
  auto player = Player::of_recording(recording_of(200), {}, std::nullopt);
  ASSERT_TRUE(player);
  const auto rate = [&] { return words_of(draw(**player), "vda")[1]; };
  EXPECT_EQ(rate(), "1");
  EXPECT_THAT(draw(**player)[0], AllOf(HasSubstr("run.vqr"), HasSubstr("2027-01-15 08:00:01"), HasSubstr("RECORDING")));
  (*player)->advance();
  EXPECT_EQ(rate(), "1") << "it stands until somebody lets it run";
  press(**player, " ");
  (*player)->advance();
  EXPECT_EQ(rate(), "2");
  press(**player, "]t");
  EXPECT_EQ(rate(), "63");
  press(**player, "]]]");
  EXPECT_EQ(rate(), "200");

  auto later = Player::of_recording(recording_of(200), {}, parse_moment("08:02"));
  ASSERT_TRUE(later);
  EXPECT_EQ(words_of(draw(**later), "vda")[1], "120");
}

TEST(TopReplay, SaysWhenAMomentIsNotInIt) {
  auto player = Player::of_recording(recording_of(5), {}, parse_moment("1h"));
  ASSERT_TRUE(player);
  const auto rows = draw(**player);
  EXPECT_THAT(rows, Contains(HasSubstr("09:00:00 UTC is not in this recording")));
  EXPECT_EQ(words_of(rows, "vda")[1], "5") << "the nearest";
  EXPECT_FALSE(Player::of_recording(std::make_unique<Recorded>(std::deque<DecodedSnapshot>()), {}, std::nullopt));
}

}  // namespace
}  // namespace vqscope
