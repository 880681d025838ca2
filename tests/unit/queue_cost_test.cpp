// SPDX-License-Identifier: Apache-2.0
#include "agent/model/queue_cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vqscope {
namespace {

using ::testing::DoubleNear;
using ::testing::Optional;

constexpr double kSeconds = 10;
constexpr std::uint64_t kMicrosecond = 1000;

// Of one queue: 10,000 requests of 100 us each, by (local, cross) of each vCPU; each completion takes so long.
DeviceSnapshot window_of(std::vector<OriginCounters> origins, std::uint64_t local_us, std::uint64_t cross_us) {
  DeviceSnapshot window;
  QueueCounters& queue = window.queues.emplace().emplace_back();
  std::uint64_t local = 0, cross = 0;
  for (const OriginCounters& origin : origins) {
    local += origin.local;
    cross += origin.cross;
  }
  queue.device_ns = (local + cross) * 90 * kMicrosecond;
  queue.queue_ns = (local + cross) * 10 * kMicrosecond;
  queue.delay = {local * local_us * kMicrosecond, cross * cross_us * kMicrosecond};
  queue.origins = std::move(origins);
  window.vectors.push_back({{36, 0U, "virtio1-req.0"}, {0, 5000}, {}});
  window.locks.push_back({"queue", 0U, 10, 0, {}});
  return window;
}

std::optional<double> ratio(const DeviceSnapshot& window, const std::vector<CompletionCpu>& cpus = {}) {
  const auto cost = queue_cost(window, cpus, kSeconds);
  return cost ? cost->ratio() : std::nullopt;
}

TEST(QueueCost, OfOneVcpuThatIsInterruptedForItselfIsNothing) {
  EXPECT_EQ(ratio(window_of({{}, {10'000, 0, 0}}, 20, 0)), 0);
}

TEST(QueueCost, OfOneVcpuThatAnotherIsInterruptedForIsItsCompletions) {
  EXPECT_THAT(ratio(window_of({{0, 10'000, 0}, {}}, 0, 20)), Optional(DoubleNear(0.2, 1e-9)));
}

TEST(QueueCost, OfTwoVcpusIsHalfOfACompletionAndWhatTheOtherTakesLonger) {
  // Of 20 us half are for the other's requests; on the other vCPU it takes 8 us more, of half of the requests.
  EXPECT_THAT(ratio(window_of({{0, 5'000, 0}, {5'000, 0, 0}}, 20, 28)), Optional(DoubleNear(0.14, 1e-9)));
  EXPECT_THAT(ratio(window_of({{0, 5'000, 0}, {5'000, 0, 0}}, 20, 12)), Optional(DoubleNear(0.08, 1e-9)));
}

TEST(QueueCost, HasTheWaitsForLocks) {
  DeviceSnapshot window = window_of({{}, {10'000, 0, 0}}, 20, 0);
  window.locks.front().wait_ns = 30'000'000;
  window.locks.push_back({"elevator", 0U, 10, 20'000'000, {}});
  EXPECT_THAT(ratio(window), Optional(DoubleNear(0.05, 1e-9)));
}

TEST(QueueCost, HasNoWaitsForAnElevatorsOneLockWhichMoreQueuesDoNotSpare) {
  DeviceSnapshot window = window_of({{}, {10'000, 0, 0}}, 20, 0);
  window.locks.push_back({"elevator", {}, 10, 50'000'000, {}});
  EXPECT_EQ(ratio(window), 0);
}

TEST(QueueCost, IsNoBoundWhereWaitsForLocksWereNotMeasured) {
  DeviceSnapshot window = window_of({{0, 5'000, 0}, {5'000, 0, 0}}, 20, 28);
  window.locks.clear();
  const auto cost = queue_cost(window, {}, kSeconds);
  ASSERT_TRUE(cost);
  EXPECT_EQ(cost->ratio(), std::nullopt);
  EXPECT_NEAR(cost->request_seconds, 1, 1e-9);
  EXPECT_NEAR(cost->completion_seconds, 0.24, 1e-9);
  EXPECT_NEAR(cost->crossing_seconds, 0.04, 1e-9);
  EXPECT_NEAR(cost->sharing_seconds, 0.1, 1e-9);
}

TEST(QueueCost, IsNoBoundWhereTheLockOfTheDriverIsNotAmongThose) {
  DeviceSnapshot window = window_of({{0, 5'000, 0}, {5'000, 0, 0}}, 20, 28);
  window.locks.front().lock = "dispatch";
  EXPECT_EQ(ratio(window), std::nullopt);
}

TEST(QueueCost, OfAVcpuThatIsBusyWithInterruptsHasWhatWaitsForIt) {
  const DeviceSnapshot window = window_of({{}, {10'000, 0, 0}}, 20, 0);
  const auto busy = [&](double share) {
    return queue_cost(window, {{}, {static_cast<std::uint64_t>(share * 6e9), static_cast<std::uint64_t>(share * 4e9)}},
                      kSeconds);
  };
  EXPECT_EQ(busy(0.79)->backlog_seconds, 0);
  EXPECT_THAT(busy(0.79)->busiest_cpu, Optional(DoubleNear(0.79, 1e-9)));
  // 2 ms an interrupt: far longer than the 70 us that a request is at the host.
  EXPECT_NEAR(busy(0.9)->backlog_seconds, 0.7, 1e-9);
  EXPECT_NEAR(busy(1)->backlog_seconds, 0.7, 1e-9);
  DeviceSnapshot many = window;
  many.vectors[0].per_cpu = {0, 10'000'000};
  const auto short_waits = queue_cost(many, {{}, {8'500'000'000, 0}}, kSeconds);
  EXPECT_NEAR(short_waits->backlog_seconds, 10'000 * 0.85 * 0.85e-6 / 0.15, 1e-9);
}

TEST(QueueCost, CountsOnlyTheVcpusThatTakeTheDisksInterrupts) {
  const DeviceSnapshot window = window_of({{}, {10'000, 0, 0}}, 20, 0);
  EXPECT_EQ(queue_cost(window, {{10'000'000'000, 0}, {}}, kSeconds)->busiest_cpu, 0);
  EXPECT_EQ(queue_cost(window, {}, kSeconds)->busiest_cpu, std::nullopt) << "not measured";
}

TEST(QueueCost, IsAbsentWithoutRequestsThatAnInterruptEnded) {
  EXPECT_FALSE(queue_cost({}, {}, kSeconds));
  DeviceSnapshot polled = window_of({{}, {0, 0, 10'000}}, 0, 0);
  polled.queues->front().delay.reset();
  EXPECT_FALSE(queue_cost(polled, {}, kSeconds));
  EXPECT_FALSE(queue_cost(window_of({{}, {10'000, 0, 0}}, 20, 0), {}, 0));
}

}  // namespace
}  // namespace vqscope
