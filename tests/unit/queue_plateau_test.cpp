// SPDX-License-Identifier: Apache-2.0
// What several queues did while a rate stayed: whether it is one queue's own, or shared by all.
#include "agent/model/queue_plateau.h"

#include <gtest/gtest.h>

#include <vector>

namespace vqscope {
namespace {

// One second of several queues, by requests and in-flight of each.
LoadSlice second(const std::vector<QueueSlice>& queues) {
  LoadSlice slice;
  slice.seconds = 1;
  for (QueueSlice queue : queues) {
    queue.device_seconds = queue.inflight;  // by Little's law
    slice.requests += queue.requests;
    slice.bytes += queue.requests * 4096;
    slice.device_seconds += queue.device_seconds;
    slice.inflight += queue.inflight;
    slice.queues.push_back(queue);
  }
  return slice;
}

std::vector<LoadSlice> two_queues(const std::vector<double>& first, const std::vector<double>& second_rates) {
  std::vector<LoadSlice> slices;
  for (std::size_t i = 0; i < first.size(); ++i)
    slices.push_back(second({{first[i], 0, first[i] / 1'000}, {second_rates[i], 0, second_rates[i] / 1'000}}));
  return slices;
}

TEST(MovedQueue, BringsWhatOthersBringLess) {
  const auto moved = moved_queue(two_queues({1'000, 3'000, 5'000, 2'000, 4'000, 1'500, 4'900, 3'000},
                                            {7'000, 5'000, 3'000, 6'000, 4'000, 6'500, 3'100, 5'000}));
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->queue, 0U);
  EXPECT_EQ(moved->rate.least, 1'000);
  EXPECT_EQ(moved->rate.most, 5'000);
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

// Eight seconds of a queue that answers 5,000 whatever is in flight, beside one whose requests take 1 ms each.
std::vector<LoadSlice> one_at_its_end() {
  std::vector<LoadSlice> slices;
  for (const double depth : {8.0, 12.0, 16.0, 9.0, 15.0, 8.5, 14.0, 11.0})
    slices.push_back(second({{1'000 * depth, 0, depth}, {5'000, 0, 30 - depth}}));
  return slices;
}

TEST(SteadyQueue, KeepsToItsRateWhileOthersDoNot) {
  const auto steady = steady_queue(one_at_its_end());
  ASSERT_TRUE(steady);
  EXPECT_EQ(steady->queue, 1U);
  EXPECT_NEAR(steady->steadiness.requests_rate, 5'000, 1e-6);
  EXPECT_NEAR(steady->device_seconds, 0.0037, 0.0005);
  EXPECT_GE(steady->others.least, 8'000);
  EXPECT_LE(steady->others.most, 16'000);
  EXPECT_GT(steady->others.most, steady->others.least);
  EXPECT_FALSE(moved_queue(one_at_its_end()));
}

TEST(SteadyQueue, IsNoneWhereTheOthersStayToo) {
  std::vector<LoadSlice> slices;
  for (const double depth : {8.0, 12.0, 16.0, 9.0, 15.0, 8.5, 14.0, 11.0})
    slices.push_back(second({{5'000, 0, depth}, {5'000, 0, 30 - depth}}));
  EXPECT_FALSE(steady_queue(slices));
}

TEST(SteadyQueue, IsNoneOfTheOnlyQueueOrOfSecondsThatDoNotTellOfQueues) {
  std::vector<LoadSlice> slices = one_at_its_end();
  for (LoadSlice& slice : slices) slice.queues.clear();
  EXPECT_FALSE(steady_queue(slices));
  EXPECT_FALSE(moved_queue(slices));
  EXPECT_FALSE(steady_queue({}));
  slices = one_at_its_end();
  slices.resize(4);
  EXPECT_FALSE(steady_queue(slices)) << "too few to tell";
}

}  // namespace
}  // namespace vqscope
