// SPDX-License-Identifier: Apache-2.0
// `vqscope top` without a terminal: what keys, time and findings change in what is shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "agent/commands/top/frame.h"
#include "agent/commands/top/player.h"
#include "agent/commands/top/ui.h"
#include "tests/unit/top_case.h"

namespace vqscope {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

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
