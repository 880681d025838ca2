// SPDX-License-Identifier: Apache-2.0
// `vqscope top` without a terminal: what is shown.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "agent/commands/top/frame.h"
#include "agent/commands/top/player.h"
#include "agent/commands/top/ui.h"
#include "tests/unit/top_case.h"

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

using test::draw;
using test::press;
using test::Readings;
using test::words_of;

// The disks' names in the order of the list.
std::vector<std::string> listed(Player& player) {
  std::vector<std::string> names;
  const auto frame = player.draw(test::kTerminal);
  for (const TextLine& row : (*frame)->lines)
    if (!row.disk.empty() && text_of(row).starts_with(row.disk)) names.push_back(row.disk);
  return names;
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
  player.preview(readings.reading().topology, test::kStart);
  EXPECT_THAT(words_of(draw(player), "vda"), ElementsAre("vda", "-", "-", "-", "-", "-", "-", "-", "1/4", "-", "-"));
  player.press('2');
  EXPECT_THAT(draw(player, {120, 24, false}), Contains(HasSubstr("1 queue for 4 vCPUs")));
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
  const auto rows = draw(player, {120, std::nullopt, false});
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

// As it is where there is room for everything.
std::string flat(const std::vector<std::string>& rows) {
  std::string text;
  for (const std::string& row : rows) {
    std::istringstream words(row);
    for (std::string word; words >> word;) text += word + " ";
  }
  return text;
}

TEST(TopPicture, CutsNoWordInEightyColumns) {
  Readings readings(1, 4);
  std::mt19937_64 random(5);
  readings.reading().topology.disks[0].scheduler = "mq-deadline";
  Player player(Ui{});
  for (int i = 0; i < 12; ++i) {
    test::stir(readings.reading(), random);
    Snapshot& snapshot = readings.reading().snapshot;
    snapshot.cpu_times.resize(4);
    for (CpuTime& cpu : snapshot.cpu_times) cpu.total += 100, cpu.steal += 20;
    if (!snapshot.losses) snapshot.losses.emplace();
    (*snapshot.losses)[VQS_LOST_STALE_SLOT] += 44;
    player.add(readings.next());
  }
  for (const char screen : {'1', '2', '3', '?'}) {
    player.press(static_cast<Key>(screen));
    const std::string wide = flat(draw(player, {400, std::nullopt, false}));
    const auto rows = draw(player, {80, std::nullopt, false});
    for (const std::string& row : rows) {
      EXPECT_LE(row.size(), 80U);
      std::istringstream words(row);
      for (std::string word; words >> word;)
        // Of rules and bars there is as much as there is room for.
        if (word.size() > 2 && word.find_first_not_of("bHcd.[]#*+") != std::string::npos) {
          EXPECT_THAT(wide + "Down, PgDn: ... (vqscope doctor --remedies has all of it) ", HasSubstr(word + " "))
              << screen << row;
        }
    }
  }
}

TEST(TopPicture, ShowsWhoSendsThroughWhichQueueFirst) {
  Readings readings(1, 2);
  Player player(Ui{});
  player.press('2');
  player.add(readings.next());
  for (int i = 0; i < 5; ++i) {
    readings.read(0, 1'000, 1'000'000);
    readings.reading().snapshot.devices[0].vectors[0].per_cpu[0] += 500;
    player.add(readings.next());
  }
  const auto rows = draw(player);
  EXPECT_THAT(rows, Contains(AllOf(HasSubstr("requests from vCPU"), HasSubstr("interrupts on vCPU"))));
  EXPECT_THAT(rows, Contains(StartsWith("queue 0")));
  EXPECT_THAT(rows.back(), HasSubstr("Down, PgDn: "));
  player.press(kEnd);
  EXPECT_THAT(draw(player).back(), Not(HasSubstr("Down, PgDn: ")));
}

TEST(TopPicture, SaysThatThereIsMoreBelow) {
  Readings readings;
  Player player(Ui{});
  player.add(readings.next());
  player.press('?');
  EXPECT_THAT(draw(player).back(), HasSubstr(" more line"));
  EXPECT_THAT(draw(player, {80, 200, false}).back(), Not(HasSubstr(" more line")));
}

TEST(TopPicture, CutsALineThatIsTooLongBetweenWordsAndShowsThatItDoes) {
  EXPECT_EQ(text_of(clipped(line("one two three"), 13)), "one two three");
  EXPECT_EQ(text_of(clipped(line("one two three"), 12)), "one two ...");
  EXPECT_EQ(text_of(clipped({{{"one "}, {"two three"}}}, 9)), "one ...");
  EXPECT_EQ(text_of(clipped(line("0123456789"), 4)), "0123") << "there is no word";
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

}  // namespace
}  // namespace vqscope
