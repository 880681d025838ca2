// SPDX-License-Identifier: Apache-2.0
// What several queues did while a rate stayed: whether they share it.
#include "agent/model/queue_plateau.h"

#include <gtest/gtest.h>

#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace vqscope {
namespace {

// One second, by the requests of each queue.
LoadSlice second(std::vector<double> queue_requests) {
  LoadSlice slice;
  slice.seconds = 1;
  slice.requests = std::accumulate(queue_requests.begin(), queue_requests.end(), 0.0);
  slice.queue_requests = std::move(queue_requests);
  return slice;
}

std::vector<LoadSlice> two_queues(const std::vector<double>& first, const std::vector<double>& others) {
  std::vector<LoadSlice> slices;
  for (std::size_t i = 0; i < first.size(); ++i) slices.push_back(second({first[i], others[i]}));
  return slices;
}

TEST(MovedQueue, BringsWhatOthersBringLess) {
  const auto moved = moved_queue(two_queues({1'000, 3'000, 5'000, 2'000, 4'000, 1'500, 4'900, 3'000},
                                            {7'000, 5'000, 3'000, 6'000, 4'000, 6'500, 3'100, 5'000}));
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->queue, 0U);
  EXPECT_EQ(moved->rate.least, 1'000);
  EXPECT_EQ(moved->rate.most, 4'000) << "without the seconds that are furthest off";
}

TEST(MovedQueue, IsNoneWhereEachKeepsToItsRateOrAllGoUpAndDown) {
  const std::vector<double> steady(8, 4'000), wild = {2'000, 6'000, 3'000, 5'500, 2'500, 6'100, 4'000, 3'000};
  EXPECT_FALSE(moved_queue(two_queues(steady, steady)));
  EXPECT_FALSE(moved_queue(two_queues(wild, wild)));
  EXPECT_FALSE(moved_queue(two_queues(steady, wild)));
  // 5 % of a disk's requests that come and go say nothing of the others.
  EXPECT_FALSE(moved_queue(two_queues(std::vector<double>(8, 100'000), wild)));
}

TEST(MovedQueue, IsNotTakenFromASecondInWhichAllStoodStill) {
  std::vector<double> first(8, 3'000), second_rates(8, 5'000);
  first[3] = 300;
  second_rates[3] = 500;
  EXPECT_FALSE(moved_queue(two_queues(first, second_rates)));
}

// Each queue ends at a rate of its own, and a program that the scheduler moves comes to it in turn.
TEST(MovedQueue, IsNoneWhereALoadMovesFromQueueToQueue) {
  EXPECT_FALSE(
      moved_queue(two_queues({8'000, 8'000, 0, 0, 8'000, 8'000, 0, 0}, {0, 0, 8'000, 8'000, 0, 0, 8'000, 8'000})));
  std::vector<LoadSlice> slices;
  const std::vector<std::vector<double>> rates = {
      {5'000, 5'000, 0, 0}, {0, 5'000, 5'000, 0}, {2'500, 2'500, 5'000, 0}, {5'000, 0, 5'000, 0},
      {5'000, 0, 0, 5'000}, {5'000, 5'000, 0, 0}, {5'000, 0, 5'000, 0},     {0, 5'000, 0, 5'000},
      {5'000, 5'000, 0, 0}, {5'000, 0, 5'000, 0}, {5'000, 2'500, 0, 2'500}, {0, 5'000, 5'000, 0}};
  for (const std::vector<double>& each : rates) slices.push_back(second(each));
  EXPECT_FALSE(moved_queue(slices));
}

TEST(MovedQueue, IsNoneOfTheOnlyQueueOrOfSecondsThatDoNotTellOfQueues) {
  std::vector<LoadSlice> slices = two_queues({1'000, 3'000, 5'000, 2'000, 4'000, 1'500, 4'900, 3'000},
                                             {7'000, 5'000, 3'000, 6'000, 4'000, 6'500, 3'100, 5'000});
  EXPECT_TRUE(moved_queue(slices));
  EXPECT_FALSE(moved_queue({}));
  EXPECT_FALSE(moved_queue(std::span(slices).first(5))) << "too few to tell";
  for (LoadSlice& slice : slices) slice.queue_requests.clear();
  EXPECT_FALSE(moved_queue(slices));
}

}  // namespace
}  // namespace vqscope
