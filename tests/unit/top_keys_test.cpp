// SPDX-License-Identifier: Apache-2.0
// `vqscope top` without a terminal: what keys, time and findings change in what is shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "agent/commands/top/frame.h"
#include "agent/commands/top/player.h"
#include "agent/commands/top/ui.h"
#include "tests/unit/top_case.h"

namespace vqscope {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

using test::draw;
using test::press;
using test::Readings;
using test::words_of;

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
  EXPECT_THAT(list, Contains("Found in the last 10 s:"));
  EXPECT_THAT(list, Contains(HasSubstr("vda: ")));
  press(player, "3");
  const auto rows = draw(player, {80, std::nullopt, false});
  EXPECT_THAT(rows, Contains(HasSubstr("More: vqscope explain single_queue")));
  EXPECT_THAT(rows, Contains(HasSubstr("num-queues")));
  // A command that is cut is seen to be.
  for (const std::string& row : draw(player, {50, std::nullopt, false}))
    EXPECT_TRUE(!row.starts_with("      ") || row.size() < 50 || row.ends_with("has all of it)")) << row;
}

// What stands below the list of disks, without its head.
std::vector<std::string> found_in(Player& player) {
  std::vector<std::string> rows = draw(player, {100, std::nullopt, false});
  const auto head = std::ranges::find_if(rows, [](const std::string& row) { return row.find(" in the ") != row.npos; });
  return head == rows.end() ? std::vector<std::string>{"no head"} : std::vector(head + 1, rows.end());
}

// 30 s with a load that needs more than the one queue that there is, and 30 s without.
void add_a_load_that_ends(Readings& readings, Player& player, const std::function<void()>& see) {
  for (int i = 0; i < 60; ++i) {
    if (i < 30) {
      readings.read(0, 5'000, 100'000);
      for (OriginCounters& origin : (*readings.reading().snapshot.devices[0].queues)[0].origins) origin.local += 5'000;
      readings.reading().snapshot.devices[0].vectors[0].per_cpu[0] += 20'000;
    }
    player.add(readings.next());
    see();
  }
}

TEST(TopFindings, AreThoseOfTheMomentThatIsShown) {
  Readings readings(1, 4);
  Player player(Ui{});
  std::vector<std::vector<std::string>> live;
  add_a_load_that_ends(readings, player, [&] { live.push_back(found_in(player)); });
  EXPECT_THAT(live[29], Contains(HasSubstr("vda: All requests squeeze through one queue")));
  EXPECT_THAT(live[59], Not(Contains(HasSubstr("vda: All requests squeeze through one queue"))));
  for (std::size_t i = 59; i-- > 1;) {
    player.press(kLeft);
    EXPECT_EQ(found_in(player), live[i]) << i;
  }
  EXPECT_THAT(draw(player), Contains("Found in the 1 s before this moment:"));
  for (std::size_t i = 2; i < 60; ++i) {
    player.press(kRight);
    EXPECT_EQ(found_in(player), live[i]) << i;
  }
  EXPECT_THAT(draw(player), Contains(HasSubstr("in the 10 s before this moment")));
  // The same by a leap, and from another screen.
  press(player, "[");
  press(player, "2");
  player.press(kRight);
  player.press(kRight);
  press(player, "1");
  EXPECT_EQ(found_in(player), live[2]);
}

TEST(TopFindings, AreThoseOfTheDisksThatTheFilterShowsAndOfTheGuest) {
  Readings readings(1, 4);
  readings.add_disk("vdb");
  readings.reading().snapshot.cpu_times.resize(4);
  Player player(Ui{});
  for (int i = 0; i < 12; ++i) {
    for (CpuTime& time : readings.reading().snapshot.cpu_times) time.total += 100, time.steal += 40;
    readings.read(0, 5'000, 100'000, 0);
    for (OriginCounters& origin : (*readings.reading().snapshot.devices[0].queues)[0].origins) origin.local += 5'000;
    readings.reading().snapshot.devices[0].vectors[0].per_cpu[0] += 20'000;
    player.add(readings.next());
  }
  EXPECT_THAT(draw(player), Contains(HasSubstr("vda: ")));
  press(player, "/vdb");
  player.press(kEnter);
  for (const char* screen : {"1", "3"}) {
    press(player, screen);
    const auto rows = draw(player);
    EXPECT_THAT(rows, Contains("Found in the last 10 s, of the guest and of disks with \"vdb\":"));
    EXPECT_THAT(rows, Contains(HasSubstr("guest: The host")));
    EXPECT_THAT(rows, Not(Contains(HasSubstr("vda: "))));
  }
  press(player, "/");
  player.press(kEscape);
  EXPECT_THAT(draw(player), Contains(HasSubstr("vda: ")));
}

TEST(TopFindings, SayHowManyThereIsNoRoomFor) {
  Readings readings(1, 4);
  for (const char* disk : {"vdb", "vdc", "vdd", "vde", "vdf", "vdg", "vdh"}) readings.add_disk(disk);
  Player player(Ui{});
  for (int i = 0; i < 12; ++i) {
    for (DeviceSnapshot& device : readings.reading().snapshot.devices) {
      for (OriginCounters& origin : (*device.queues)[0].origins) origin.local += 5'000;
      device.vectors[0].per_cpu[0] += 20'000;
    }
    for (std::size_t disk = 0; disk < 8; ++disk) readings.read(0, 5'000, 100'000, disk);
    player.add(readings.next());
  }
  std::size_t told = 0;
  const auto rows = draw(player), all = draw(player, {80, std::nullopt, false});
  const auto is_finding = [](const std::string& row) { return row.find(": ") != row.npos && row.find("vd") < 12; };
  for (const std::string& row : rows)
    if (is_finding(row)) ++told;
  const auto are = static_cast<std::size_t>(std::ranges::count_if(all, is_finding));
  ASSERT_LT(told, are);
  EXPECT_THAT(rows, Contains(fmt::format("... and {} more: press f", are - told)));
  EXPECT_THAT(all, Not(Contains(HasSubstr("more: press f"))));
}

TEST(TopKeys, AreEachBoundOnceAndInTheHelp) {
  std::set<Key> keys;
  std::string help;
  for (const TextLine& row : help_lines({200, std::nullopt, false})) help += text_of(row) + "\n";
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

}  // namespace
}  // namespace vqscope
