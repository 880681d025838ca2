// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/activity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using ::testing::Optional;

constexpr const char* kStat = "cpu  100 5 30 4000 60 7 8 9 3 1\ncpu0 50 0 15 2000 30 3 4 4 0 0\nintr 1 2 3\n";

TEST(CpuUse, IsOfAllCpusTogether) { EXPECT_THAT(parse_cpu_use(kStat), Optional(CpuUse{105, 30, 7, 8, 4000, 60, 9})); }

TEST(CpuUse, OfAnythingElseIsAbsent) {
  for (const char* text :
       {"", "cpu 1 2 3\n", "cpu0 1 2 3 4 5 6 7 8\n", "cpu 1 2 3 4 5 6 7 x\n", "cpu 1 2 3 4 5 6 7 -8\n"})
    EXPECT_EQ(parse_cpu_use(text), std::nullopt) << text;
}

TEST(Pressure, IsTheTotalOfTheLine) {
  const char* const text =
      "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=678\n";
  EXPECT_THAT(parse_pressure(text, "some"), Optional(12345U));
  EXPECT_THAT(parse_pressure(text, "full"), Optional(678U));
  EXPECT_EQ(parse_pressure(text, "none"), std::nullopt);
  for (const char* other : {"", "some", "some total=", "some total=-1", "some total=1 avg10=0"})
    EXPECT_EQ(parse_pressure(other, "some"), std::nullopt) << other;
}

TEST(GuestActivity, OfAKernelWithoutPressureIsThatOfItsCpus) {
  test::Guest guest("virtio-blk");
  const test::Tree bare = guest.unpack();
  const GuestActivity activity = read_activity(bare.paths, kStat);
  EXPECT_TRUE(activity.cpu);
  EXPECT_FALSE(activity.cpu_some_us);
  EXPECT_FALSE(activity.io_full_us);
  const test::Tree tree = guest.file("proc/pressure/cpu", "some avg10=0.00 total=7")
                              .file("proc/pressure/io", "some avg10=0.00 total=9\nfull avg10=0.00 total=8")
                              .unpack();
  EXPECT_EQ(read_activity(tree.paths, ""), (GuestActivity{std::nullopt, 7, 9, 8}));
}

TEST(GuestActivity, GrowsByWhatIsInBothReadings) {
  GuestActivity earlier{CpuUse{10, 1, 1, 1, 100, 50, 0}, 5, std::nullopt, 7};
  GuestActivity later{CpuUse{30, 2, 3, 4, 200, 40, 6}, 9, 100, std::nullopt};
  const GuestActivity grown = difference(earlier, later);
  EXPECT_EQ(grown, (GuestActivity{CpuUse{20, 1, 2, 3, 100, 0, 6}, 4, std::nullopt, std::nullopt}));
  GuestActivity sum;
  add(grown, sum);
  add(grown, sum);
  EXPECT_EQ(sum, (GuestActivity{CpuUse{40, 2, 4, 6, 200, 0, 12}, 8, std::nullopt, std::nullopt}));
}

}  // namespace
}  // namespace vqscope
