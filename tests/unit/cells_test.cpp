// SPDX-License-Identifier: Apache-2.0
// What the formats ask of a histogram, against the obvious ways to find it.
#include "exporters/prometheus/cells.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace vqscope {
namespace {

using ::testing::Each;
using ::testing::SizeIs;

constexpr std::size_t kCells = VQS_LAST_CELL + 1;

Histogram with_cells(std::initializer_list<std::size_t> cells) {
  Histogram histogram;
  for (const std::size_t cell : cells) histogram.set(cell, cell + 1);
  return histogram;
}

TEST(OccupiedCells, OfAnEmptyHistogramAreNone) {
  const CellRange range = occupied(Histogram{});
  EXPECT_EQ(range.begin, range.end);
}

TEST(OccupiedCells, BeginAndEndAtTheOutermostCounts) {
  for (std::size_t first = 0; first < kCells; ++first)
    for (std::size_t last = first; last < kCells; ++last) {
      const CellRange range = occupied(with_cells({first, last}));
      ASSERT_EQ(range.begin, first) << last;
      ASSERT_EQ(range.end, last + 1) << first;
    }
}

TEST(ClassicCounts, OfAnEmptyHistogramAreZero) {
  std::vector<std::uint64_t> counts = {1, 2, 3};
  classic_counts(Histogram{}, occupied(Histogram{}), {-9, 0}, counts);
  EXPECT_THAT(counts, SizeIs(3));
  EXPECT_THAT(counts, Each(0));
}

TEST(ClassicCounts, AreSumsUpToAndWithTheBound) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    Histogram histogram;
    const std::size_t first = random() % kCells, last = first + random() % (kCells - first);
    for (std::size_t cell = first; cell <= last; ++cell)
      if (random() % 2 == 0) histogram.set(cell, random() % 1000);
    ClassicBuckets buckets;
    for (int index = VQS_FIRST_INDEX - 1; index <= VQS_LAST_INDEX; ++index)
      if (random() % 8 == 0) buckets.push_back(index);
    std::vector<std::uint64_t> counts;
    classic_counts(histogram, occupied(histogram), buckets, counts);
    ASSERT_EQ(counts.size(), buckets.size() + 1);
    EXPECT_EQ(counts.back(), histogram.count());
    for (std::size_t i = 0; i < buckets.size(); ++i) {
      std::uint64_t sum = histogram.cells()[0];
      for (int index = VQS_FIRST_INDEX; index <= buckets[i]; ++index)
        sum += histogram.cells()[static_cast<std::size_t>(index - VQS_FIRST_INDEX + 1)];
      ASSERT_EQ(counts[i], sum) << buckets[i];
    }
  }
}

}  // namespace
}  // namespace vqscope
