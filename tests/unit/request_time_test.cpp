// SPDX-License-Identifier: Apache-2.0
#include "agent/model/request_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vqscope {
namespace {

using ::testing::DoubleNear;
using ::testing::Optional;

constexpr std::uint64_t kMicrosecond = 1000;

// 1,000 requests of 100 us in one queue, 600 of them completed where they were submitted.
DeviceSnapshot window() {
  DeviceSnapshot result;
  QueueCounters& queue = result.queues.emplace().emplace_back();
  queue.origins = {{600, 0, 0}, {0, 400, 0}};
  queue.queue_ns = 1'000 * 10 * kMicrosecond;
  queue.device_ns = 1'000 * 90 * kMicrosecond;
  queue.delay = {600 * 20 * kMicrosecond, 400 * 30 * kMicrosecond};
  result.locks = {{"queue", 0, 9, 500 * kMicrosecond, {}}, {"elevator", {}, 3, 100 * kMicrosecond, {}}};
  return result;
}

TEST(RequestTime, HasPartsThatAddUpToAllOfIt) {
  const auto time = request_time(window());
  ASSERT_TRUE(time);
  EXPECT_EQ(time->requests, 1'000U);
  EXPECT_NEAR(time->total(), 0.1, 1e-9);
  EXPECT_THAT(time->before_issue, Optional(DoubleNear(0.01, 1e-9)));
  EXPECT_THAT(time->at_host, Optional(DoubleNear(0.066, 1e-9)));
  EXPECT_THAT(time->completion, Optional(DoubleNear(0.024, 1e-9)));
  EXPECT_THAT(time->completion_local, Optional(DoubleNear(0.012, 1e-9)));
  EXPECT_THAT(time->completion_cross, Optional(DoubleNear(0.012, 1e-9)));
  EXPECT_NEAR(*time->before_issue + *time->at_host + *time->completion, time->total(), 1e-9);
  EXPECT_THAT(time->lock_waits, Optional(DoubleNear(0.0006, 1e-9)));
}

TEST(RequestTime, IsNotSplitAtTheInterruptWhereManyHadNone) {
  DeviceSnapshot polled = window();
  polled.queues->emplace_back();
  polled.queues->back().origins = {{0, 0, 10}};
  EXPECT_TRUE(request_time(polled)->at_host) << "1 in 100";
  polled.queues->back().origins = {{0, 0, 11}};
  const auto time = request_time(polled);
  EXPECT_THAT(time->at_device, Optional(DoubleNear(0.09, 1e-9)));
  EXPECT_EQ(time->at_host, std::nullopt);
  EXPECT_EQ(time->completion, std::nullopt);
  EXPECT_EQ(time->completion_local, std::nullopt);
  EXPECT_EQ(time->completion_cross, std::nullopt);
}

TEST(RequestTime, HasNoWaitsWhereThoseForTheDriversLockAreNotKnown) {
  DeviceSnapshot others = window();
  others.locks.erase(others.locks.begin());
  EXPECT_EQ(request_time(others)->lock_waits, std::nullopt);
}

TEST(RequestTime, IsAbsentWithoutRequests) {
  EXPECT_EQ(request_time({}), std::nullopt);
  DeviceSnapshot idle = window();
  idle.queues->front() = {};
  EXPECT_EQ(request_time(idle), std::nullopt);
}

}  // namespace
}  // namespace vqscope
