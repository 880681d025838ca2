// SPDX-License-Identifier: Apache-2.0
// What seconds of a load say of a rate that stays: closed loops that are held back, and those that are not.
#include "agent/model/plateau.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace vqscope {
namespace {

using ::testing::DoubleNear;
using ::testing::Optional;

// A second in which `inflight` were at the device, each for `device` seconds, as Little's law has it.
LoadSlice second(double inflight, double device, double size = 4096) {
  const double requests = inflight / device;
  return {1, requests, requests * size, inflight, inflight, 0};
}

// Seconds in which a limit lets `rate` through, whatever is in flight.
std::vector<LoadSlice> held_back(double rate, const std::vector<double>& inflight) {
  std::vector<LoadSlice> slices;
  for (const double depth : inflight) slices.push_back(second(depth, depth / rate));
  return slices;
}

// Seconds in which each request takes as long, whatever is in flight.
std::vector<LoadSlice> free_running(double device, const std::vector<double>& inflight) {
  std::vector<LoadSlice> slices;
  for (const double depth : inflight) slices.push_back(second(depth, device));
  return slices;
}

// What one request at a time comes to, whose program takes `think` seconds between them.
std::vector<LoadSlice> one_at_a_time(const std::vector<double>& device, double think) {
  std::vector<LoadSlice> slices;
  for (const double took : device) slices.push_back(second(took / (took + think), took));
  return slices;
}

const std::vector<double> kDepths = {16, 16.1, 15.8, 16.3, 32, 31.9, 32.2, 31.6};

TEST(Steadiness, StaysWhereMoreInFlightBringsNoMore) {
  const auto steady = steadiness(held_back(3'000, kDepths));
  ASSERT_TRUE(steady);
  EXPECT_TRUE(steady->stays());
  EXPECT_FALSE(steady->follows());
  EXPECT_NEAR(steady->requests_rate, 3'000, 1e-6);
  EXPECT_NEAR(steady->bytes_rate, 3'000 * 4096, 1e-3);
  EXPECT_EQ(steady->least_inflight, 15.8);
  EXPECT_FALSE(steady->is_of_bytes());
  EXPECT_FALSE(steady->is_of_requests());
}

TEST(Steadiness, FollowsWhereEachRequestTakesItsTime) {
  const auto steady = steadiness(free_running(0.005, kDepths));
  ASSERT_TRUE(steady);
  EXPECT_FALSE(steady->stays());
  EXPECT_TRUE(steady->follows());
}

TEST(Steadiness, OfOneRequestAtATimeThatTakesNowMoreNowLessTimeIsNotALimits) {
  const auto steady = steadiness(one_at_a_time({1e-3, 1.01e-3, 0.99e-3, 1.02e-3, 1e-3, 0.98e-3}, 20e-6));
  ASSERT_TRUE(steady);
  EXPECT_FALSE(steady->stays()) << "the rate spreads further than what is in flight";
}

TEST(Steadiness, OfOneRequestAtATimeIsALimitsWhereTheDeviceMakesUpForTheProgram) {
  std::vector<LoadSlice> slices;
  for (const double think : {20e-6, 24e-6, 16e-6, 22e-6, 18e-6, 25e-6}) {
    const double took = 1e-3 - think;
    slices.push_back(second(took / 1e-3, took));
  }
  const auto steady = steadiness(slices);
  ASSERT_TRUE(steady);
  EXPECT_TRUE(steady->stays());
  EXPECT_NEAR(steady->requests_rate, 1'000, 1e-6);
}

TEST(Steadiness, DoesNotCountRequestsThatAnEndOfASecondCutsInTwo) {
  auto slices = held_back(100, {16, 17, 18, 16, 17, 18});
  for (std::size_t i = 0; i < slices.size(); ++i) {
    // One of a hundred more or less, with the time that it took.
    const double more = i % 2 == 0 ? 1 : -1;
    slices[i].device_seconds *= (slices[i].requests + more) / slices[i].requests;
    slices[i].bytes *= (slices[i].requests + more) / slices[i].requests;
    slices[i].requests += more;
  }
  const auto steady = steadiness(slices);
  ASSERT_TRUE(steady);
  EXPECT_LT(steady->spread(), 1e-9);
  EXPECT_TRUE(steady->stays());
}

TEST(Steadiness, IsOfBytesWhereSizesVaryAndTheyStay) {
  std::vector<LoadSlice> slices;
  for (const double size : {16e3, 18e3, 15e3, 17e3, 16.5e3, 15.5e3})
    slices.push_back(second(32, 32 * size / 50e6, size));
  const auto steady = steadiness(slices);
  ASSERT_TRUE(steady);
  EXPECT_TRUE(steady->is_of_bytes());
  EXPECT_FALSE(steady->is_of_requests());
  EXPECT_TRUE(steady->stays());
  EXPECT_NEAR(steady->bytes_rate, 50e6, 1);
}

TEST(Steadiness, IsOfRequestsWhereSizesVaryAndThoseStay) {
  std::vector<LoadSlice> slices;
  for (const double size : {16e3, 18e3, 15e3, 17e3, 16.5e3, 15.5e3}) slices.push_back(second(32, 32 / 3e3, size));
  const auto steady = steadiness(slices);
  ASSERT_TRUE(steady);
  EXPECT_TRUE(steady->is_of_requests());
  EXPECT_FALSE(steady->stays()) << "what is not limited by bytes need not be limited at all";
}

TEST(Steadiness, LeavesTheSecondsThatAreFurthestOffOut) {
  auto slices = held_back(3'000, kDepths);
  slices[2] = second(16, 16 / 6'000.0);  // a burst
  const auto steady = steadiness(slices);
  ASSERT_TRUE(steady);
  EXPECT_TRUE(steady->stays());
  EXPECT_NEAR(steady->requests_rate, 3'000, 1e-6);
}

TEST(Steadiness, NeedsFiveSecondsToTellThatARateStaysOrFollows) {
  for (const auto& slices : {held_back(3'000, {16, 32, 16, 32}), free_running(0.005, {16, 32, 16, 32})}) {
    const auto steady = steadiness(slices);
    ASSERT_TRUE(steady);
    EXPECT_FALSE(steady->stays());
    EXPECT_FALSE(steady->follows());
  }
}

TEST(Steadiness, TellsHowLongARequestTookAtLowDepth) {
  auto slices = held_back(3'000, kDepths);
  EXPECT_FALSE(steadiness(slices)->low_depth_seconds);
  slices.front() = second(1.5, 0.0006);
  EXPECT_THAT(steadiness(slices)->low_depth_seconds, Optional(DoubleNear(0.0006, 1e-9)));
}

TEST(Steadiness, IsOfTheTimeUnderLoadAndAbsentWithoutOne) {
  auto slices = held_back(3'000, kDepths);
  slices.insert(slices.begin(), 3, LoadSlice{1, 0, 0, 0, 0, 0});
  slices.push_back(LoadSlice{1, 0, 0, 0, 0, 0});
  ASSERT_TRUE(steadiness(slices));
  EXPECT_EQ(steadiness(slices)->slices, kDepths.size());
  slices[5] = LoadSlice{1, 0, 0, 0, 8, 0};
  EXPECT_FALSE(steadiness(slices)) << "nothing completed in one of the seconds";
  EXPECT_FALSE(steadiness({}));
  EXPECT_FALSE(steadiness(held_back(3'000, {16})));
}

}  // namespace
}  // namespace vqscope
