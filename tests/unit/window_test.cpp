// SPDX-License-Identifier: Apache-2.0
#include "agent/model/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "agent/model/buckets.h"

namespace vqscope {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

Histogram histogram(std::initializer_list<std::pair<int, std::uint64_t>> cells, std::uint64_t sum_ns) {
  Histogram result;
  for (const auto& [cell, count] : cells) result.set(static_cast<std::size_t>(cell), count);
  result.sum_ns = sum_ns;
  return result;
}

// The cell of the bucket whose upper bound is 2^(index/8) s.
int cell_of(int index) { return index - VQS_FIRST_INDEX + 1; }

DeviceSnapshot reading(std::uint64_t scale) {
  DeviceSnapshot device;
  device.name = "vda";
  device.instance = 1;
  QueueCounters& queue = device.queues.emplace().emplace_back();
  OpCounters& read = queue.ops[VQS_READ].emplace();
  read.device = histogram({{5, 10 * scale}}, 1000 * scale);
  read.bytes = 4096 * scale;
  queue.origins = {{scale, 2 * scale, 0}, {0, 0, scale}};
  queue.delay = CompletionDelay{4 * scale, 6 * scale};
  queue.requeues = scale;
  queue.inflight_ns = 7 * scale;
  queue.inflight = static_cast<std::uint32_t>(scale);
  VectorCounters& vector = device.vectors.emplace_back();
  vector.line = {24, 0, "virtio0-req.0"};
  vector.per_cpu = {3 * scale, 0};
  vector.handler = histogram({{1, scale}}, scale);
  device.notifies.emplace_back(histogram({{2, scale}}, scale));
  device.locks = {{"queue", 0, 8 * scale, 9 * scale, scale}, {"elevator", {}, scale, scale, 1}};
  return device;
}

TEST(Difference, SubtractsCountersAndKeepsTheMoment) {
  const DeviceSnapshot grown = difference(reading(2), reading(5));
  const QueueCounters& queue = grown.queues->at(0);
  EXPECT_EQ(queue.ops[VQS_READ]->device, histogram({{5, 30}}, 3000));
  EXPECT_EQ(queue.ops[VQS_READ]->bytes, 3U * 4096);
  EXPECT_EQ(queue.requeues, 3U);
  EXPECT_EQ(queue.inflight_ns, 21U);
  EXPECT_EQ(queue.inflight, 5U);
  EXPECT_THAT(submissions_per_cpu(grown), ElementsAre(9, 3));
  EXPECT_THAT(interrupts_per_cpu(grown), ElementsAre(9, 0));
  EXPECT_EQ(*grown.vectors.at(0).handler, histogram({{1, 3}}, 3));
  EXPECT_EQ(*grown.notifies.at(0), histogram({{2, 3}}, 3));
  EXPECT_EQ(queue.delay, (CompletionDelay{12, 18}));
}

TEST(Difference, KnowsTheLongestWaitOfTheWindowOnlyIfNoneBeforeWasAsLong) {
  const LockCounters longer = {"queue", 0, 24, 27, 5}, hidden = {"elevator", {}, 3, 3, {}};
  EXPECT_THAT(difference(reading(2), reading(5)).locks, ElementsAre(longer, hidden));
}

TEST(Difference, ALockFoundSinceBeganAtZero) {
  DeviceSnapshot before = reading(1);
  before.locks.clear();
  EXPECT_EQ(difference(before, reading(2)).locks, reading(2).locks);
}

TEST(Difference, DelaysOfCompletionsSeenSinceBeganAtZero) {
  DeviceSnapshot before = reading(1);
  before.queues->at(0).delay.reset();
  EXPECT_EQ(difference(before, reading(2)).queues->at(0).delay, (CompletionDelay{8, 12}));
}

TEST(Difference, NeverGoesBelowZero) {
  const DeviceSnapshot grown = difference(reading(5), reading(2));
  EXPECT_EQ(grown.queues->at(0).ops[VQS_READ]->device.count(), 0U);
  EXPECT_THAT(submissions_per_cpu(grown), ElementsAre(0, 0));
}

TEST(Difference, AnOperationSeenSinceBeganAtZero) {
  DeviceSnapshot before = reading(1);
  before.queues->at(0).ops[VQS_READ].reset();
  EXPECT_EQ(difference(before, reading(2)).queues->at(0).ops[VQS_READ]->device.count(), 20U);
}

TEST(Difference, LeavesOutWhatWasNotInBoth) {
  DeviceSnapshot before = reading(1);
  before.vectors[0].line.irq = 25;
  before.queues.reset();
  const DeviceSnapshot grown = difference(before, reading(2));
  EXPECT_THAT(grown.vectors, IsEmpty());
  EXPECT_EQ(grown.queues, std::nullopt);
}

TEST(Difference, OfSnapshotsMatchesDevicesByNameAndInstance) {
  Snapshot earlier, later;
  earlier.time_ns = 100;
  later.time_ns = 350;
  earlier.devices = {reading(1)};
  later.devices = {reading(2), reading(3)};
  later.devices[1].instance = 2;
  earlier.completion_cpus = {{1, 2}, {3, 4}};
  later.completion_cpus = {{5, 5}, {3, 9}};
  const Snapshot grown = difference(earlier, later);
  EXPECT_EQ(grown.time_ns, 250U);
  EXPECT_THAT(grown.completion_cpus, ElementsAre(CompletionCpu{4, 3}, CompletionCpu{0, 5}));
  ASSERT_EQ(grown.devices.size(), 1U);
  EXPECT_EQ(grown.devices[0].instance, 1U);
}

TEST(Quantile, OfNothingIsAbsent) { EXPECT_EQ(quantile(Histogram{}, 0.5), std::nullopt); }

TEST(Quantile, InterpolatesExponentiallyInsideABucket) {
  const Histogram all_in_one = histogram({{cell_of(-80), 100}}, 0);
  EXPECT_THAT(quantile(all_in_one, 0), Optional(DoubleNear(std::exp2(-81.0 / 8), 1e-12)));
  EXPECT_THAT(quantile(all_in_one, 0.5), Optional(DoubleNear(std::exp2(-80.5 / 8), 1e-12)));
  EXPECT_THAT(quantile(all_in_one, 1), Optional(DoubleNear(std::exp2(-80.0 / 8), 1e-12)));
}

TEST(Quantile, FindsTheBucketOfTheRank) {
  const Histogram two = histogram({{cell_of(-80), 99}, {cell_of(-8), 1}}, 0);
  EXPECT_THAT(quantile(two, 0.99), Optional(DoubleNear(std::exp2(-10), 1e-12)));
  EXPECT_THAT(quantile(two, 0.995), Optional(DoubleNear(std::exp2(-8.5 / 8), 1e-12)));
}

TEST(Quantile, StaysInsideWhatIsMeasured) {
  EXPECT_THAT(quantile(histogram({{0, 1}}, 0), 1), Optional(DoubleNear(std::exp2(-21), 1e-15)));
  EXPECT_THAT(quantile(histogram({{VQS_LAST_CELL, 1}}, 0), 0.5), Optional(DoubleNear(256, 1e-9)));
}

}  // namespace
}  // namespace vqscope
