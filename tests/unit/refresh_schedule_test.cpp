// SPDX-License-Identifier: Apache-2.0
#include "agent/collector/refresh_schedule.h"

#include <gtest/gtest.h>

namespace vqscope {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

TEST(RefreshSchedule, NothingIsDueUntilItIsAsked) {
  RefreshSchedule schedule;
  EXPECT_EQ(schedule.wait_ms(5000 * kMs), -1);
  EXPECT_FALSE(schedule.due(5000 * kMs));
}

TEST(RefreshSchedule, TheFirstChangeIsLookedAtAtOnce) {
  RefreshSchedule schedule;
  schedule.ask();
  EXPECT_EQ(schedule.wait_ms(1), 0) << "a second after boot, too";
  EXPECT_TRUE(schedule.due(1));
  EXPECT_FALSE(schedule.due(2)) << "once";
  EXPECT_EQ(schedule.wait_ms(2), -1);
}

TEST(RefreshSchedule, AChangeAfterALongQuietIsLookedAtAtOnce) {
  RefreshSchedule schedule;
  schedule.ask();
  ASSERT_TRUE(schedule.due(1000 * kMs));
  schedule.ask();
  EXPECT_TRUE(schedule.due(2000 * kMs));
}

TEST(RefreshSchedule, AStormIsLookedAtOnceASecondAndOnceMoreAtItsEnd) {
  RefreshSchedule schedule;
  int looks = 0;
  std::uint64_t now = 10'000 * kMs, last_look = 0, last_change = 0;
  // A change every tenth of a millisecond for 3.5 s; then only poll's timeout wakes the loop.
  for (int i = 0; i < 35'000; ++i, now += kMs / 10) {
    schedule.ask();
    last_change = now;
    if (schedule.due(now)) {
      ++looks;
      last_look = now;
    }
  }
  EXPECT_EQ(looks, 4);
  EXPECT_LT(last_look, last_change);
  const int wait = schedule.wait_ms(now);
  ASSERT_GT(wait, 0);
  EXPECT_LE(wait, 1000);
  now += static_cast<std::uint64_t>(wait) * kMs;
  EXPECT_TRUE(schedule.due(now));
  EXPECT_EQ(schedule.wait_ms(now), -1);
}

TEST(RefreshSchedule, WaitsToTheEndOfTheGapAndNotALoopOfZeros) {
  RefreshSchedule schedule;
  schedule.ask();
  ASSERT_TRUE(schedule.due(0));
  schedule.ask();
  EXPECT_EQ(schedule.wait_ms(RefreshSchedule::kGapNs - 1), 1);
  EXPECT_FALSE(schedule.due(RefreshSchedule::kGapNs - 1));
  EXPECT_TRUE(schedule.due(RefreshSchedule::kGapNs));
}

}  // namespace
}  // namespace vqscope
