// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/extents.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace vqscope {
namespace {

TEST(Extents, GivesTheFirstRangeThatFits) {
  Extents extents(10);
  EXPECT_EQ(extents.allocate(4), 0U);
  EXPECT_EQ(extents.allocate(3), 4U);
  extents.release(0, 4);
  EXPECT_EQ(extents.allocate(3), 0U);
  EXPECT_EQ(extents.allocate(2), 7U);
  EXPECT_EQ(extents.allocate(1), 3U);
}

TEST(Extents, AllOfItCanBeAllocatedAtOnce) {
  Extents extents(7);
  EXPECT_EQ(extents.allocate(7), 0U);
  EXPECT_EQ(extents.allocate(1), std::nullopt);
}

TEST(Extents, SaysWhenNothingFits) {
  Extents extents(8);
  EXPECT_EQ(extents.allocate(9), std::nullopt);
  EXPECT_EQ(extents.allocate(5), 0U);
  EXPECT_EQ(extents.allocate(4), std::nullopt);
  EXPECT_EQ(extents.allocate(3), 5U) << "a failure takes nothing";
  EXPECT_EQ(extents.allocate(0xffffffff), std::nullopt);
}

TEST(Extents, WithoutCapacityGivesNothing) { EXPECT_EQ(Extents(0).allocate(1), std::nullopt); }

TEST(Extents, LargestCapacityWorks) {
  Extents extents(0xffffffff);
  EXPECT_EQ(extents.allocate(0xfffffffe), 0U);
  EXPECT_EQ(extents.allocate(1), 0xfffffffeU);
  EXPECT_EQ(extents.allocate(1), std::nullopt);
}

TEST(Extents, NeighboursThatAreReleasedBecomeOneRange) {
  // Whatever the order of the releases.
  const std::vector<std::vector<std::uint32_t>> orders = {{0, 1, 2}, {2, 1, 0}, {0, 2, 1},
                                                          {1, 0, 2}, {1, 2, 0}, {2, 0, 1}};
  for (const auto& order : orders) {
    Extents extents(12);
    for (std::uint32_t i = 0; i < 3; ++i) ASSERT_EQ(extents.allocate(4), 4 * i);
    for (const std::uint32_t i : order) extents.release(4 * i, 4);
    EXPECT_EQ(extents.allocate(12), 0U);
  }
}

TEST(Extents, RangesApartAreNotJoined) {
  Extents extents(9);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(extents.allocate(3));
  extents.release(0, 3);
  extents.release(6, 3);
  EXPECT_EQ(extents.allocate(4), std::nullopt);
  EXPECT_EQ(extents.allocate(3), 0U);
  EXPECT_EQ(extents.allocate(3), 6U);
}

// First number of the first run of `count` free ones.
std::optional<std::uint32_t> first_fit(const std::vector<bool>& taken, std::uint32_t count) {
  std::uint32_t run = 0;
  for (std::uint32_t i = 0; i < taken.size(); ++i) {
    run = taken[i] ? 0 : run + 1;
    if (run == count) return i + 1 - count;
  }
  return std::nullopt;
}

TEST(Extents, DoesWhatABitmapWouldDo) {
  constexpr std::uint32_t kCapacity = 200;
  struct Range {
    std::uint32_t first, count;
  };
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    Extents extents(kCapacity);
    std::vector<bool> taken(kCapacity);
    std::vector<Range> ranges;
    for (int step = 0; step < 2000; ++step) {
      if (ranges.empty() || random() % 2 == 0) {
        const auto count = static_cast<std::uint32_t>(1 + random() % 30);
        const auto expected = first_fit(taken, count);
        ASSERT_EQ(extents.allocate(count), expected) << "seed " << seed << " step " << step;
        if (!expected) continue;
        ranges.push_back({*expected, count});
        for (std::uint32_t i = 0; i < count; ++i) taken[*expected + i] = true;
      } else {
        std::swap(ranges[random() % ranges.size()], ranges.back());
        const Range range = ranges.back();
        ranges.pop_back();
        extents.release(range.first, range.count);
        for (std::uint32_t i = 0; i < range.count; ++i) taken[range.first + i] = false;
      }
    }
    for (const Range& range : ranges) extents.release(range.first, range.count);
    EXPECT_EQ(extents.allocate(kCapacity), 0U) << "all released, all free";
  }
}

}  // namespace
}  // namespace vqscope
