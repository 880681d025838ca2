// SPDX-License-Identifier: Apache-2.0
// What people look at, of readings that were made by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "agent/model/buckets.h"
#include "agent/model/window.h"
#include "agent/view/disk_view.h"
#include "agent/view/guest_view.h"
#include "agent/view/latency.h"
#include "agent/view/matrix.h"
#include "readings.h"

namespace vqscope {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

constexpr std::uint64_t kMillisecond = 1'000'000;

// `count` requests of one operation on a queue, each `device_ns` at the device and a tenth of that before.
void complete(Reading& reading, std::size_t queue, std::size_t op, std::uint64_t count, std::uint64_t device_ns) {
  QueueCounters& counters = (*reading.snapshot.devices[0].queues)[queue];
  if (!counters.ops[op]) counters.ops[op].emplace();
  OpCounters& done = *counters.ops[op];
  done.device.add(cell_of(device_ns), count);
  done.device.sum_ns += count * device_ns;
  done.queue.add(cell_of(device_ns / 10), count);
  done.queue.sum_ns += count * device_ns / 10;
  done.bytes += count * 4096;
  counters.device_ns += count * device_ns;
  counters.inflight_ns += count * device_ns;
  counters.queue_ns += count * device_ns / 10;
  counters.origins[0].local += count;
}

// Two seconds after `reading`.
Reading later_than(Reading reading) {
  reading.snapshot.time_ns += 2'000'000'000;
  return reading;
}

DiskView view_of(const Reading& earlier, const Reading& later) {
  const auto window = disk_window(earlier.snapshot, later.snapshot, "vda");
  return disk_view(later.topology.disks[0], later.snapshot.devices.data(), window ? &*window : nullptr);
}

TEST(DiskView, HasRatesOfTheWindowAndReadsAndWritesApart) {
  Reading earlier = test::quiet_reading(2);
  complete(earlier, 0, VQS_READ, 5'000, kMillisecond);  // before the window
  Reading later = later_than(earlier);
  complete(later, 0, VQS_READ, 300, kMillisecond);
  complete(later, 1, VQS_WRITE, 100, 4 * kMillisecond);
  later.snapshot.devices[0].queues->at(1).inflight = 3;
  later.snapshot.devices[0].queues->at(1).oldest_ns = 7 * kMillisecond;

  const DiskView view = view_of(earlier, later);
  EXPECT_EQ(view.queues, 2U);
  EXPECT_THAT(view.requests_rate, Optional(200));
  EXPECT_THAT(view.bytes_rate, Optional(200 * 4096));
  ASSERT_TRUE(view.operations[VQS_READ] && view.operations[VQS_WRITE]);
  EXPECT_EQ(view.operations[VQS_READ]->requests_rate, 150);
  EXPECT_EQ(view.operations[VQS_WRITE]->bytes_rate, 50 * 4096);
  EXPECT_FALSE(view.operations[VQS_FLUSH]);
  EXPECT_THAT(view.average_inflight, Optional(DoubleNear(0.35, 1e-9)));  // (300 x 1 ms + 100 x 4 ms) / 2 s
  EXPECT_THAT(view.avgqu_sz, Optional(DoubleNear(0.385, 1e-9)));         // and what they took before
  ASSERT_TRUE(view.inflight);
  EXPECT_EQ(view.inflight->requests, 3U);
  EXPECT_THAT(view.inflight->oldest_seconds, Optional(DoubleNear(0.007, 1e-9)));
  EXPECT_EQ(view.at_device.count, 400U);
  EXPECT_THAT(view.at_device.mean_seconds, Optional(DoubleNear(0.00175, 1e-9)));
  EXPECT_THAT(view.before_issue.mean_seconds, Optional(DoubleNear(0.000175, 1e-9)));
}

TEST(DiskView, HasNoPartThatIsMoreThanTheWhole) {
  const Reading earlier = test::quiet_reading(1);
  Reading later = later_than(earlier);
  complete(later, 0, VQS_READ, 300, kMillisecond);
  // A reader comes to the requests by vCPU when others have completed meanwhile, or before they have.
  for (const std::uint64_t by_cpu : {0U, 310U, 290U}) {
    (*later.snapshot.devices[0].queues)[0].origins[0].local = by_cpu;
    const auto window = disk_window(earlier.snapshot, later.snapshot, "vda");
    ASSERT_TRUE(window);
    const DiskView view = disk_view(later.topology.disks[0], later.snapshot.devices.data(), &*window);
    const auto queues = queue_views(later.topology.disks[0], later.snapshot.devices.data(), &*window);
    EXPECT_THAT(view.requests_rate, Optional(view.operations[VQS_READ]->requests_rate));
    EXPECT_EQ(queues.at(0).requests_rate, view.requests_rate);
    EXPECT_THAT(queues.at(0).share, Optional(1));
  }
}

TEST(DiskView, TellsWhichVcpuTakesMostInterrupts) {
  const Reading earlier = test::quiet_reading(2);
  Reading later = later_than(earlier);
  later.snapshot.devices[0].vectors[0].per_cpu = {10, 20};
  later.snapshot.devices[0].vectors[1].per_cpu = {0, 10};
  const DiskView view = view_of(earlier, later);
  EXPECT_THAT(view.interrupts_rate, Optional(20));
  EXPECT_THAT(view.busiest_cpu, Optional(1U));
  EXPECT_THAT(view.busiest_share, Optional(0.75));
}

TEST(DiskView, WhatWasNotMeasuredIsAbsent) {
  const Reading reading = test::quiet_reading(2);
  const DiskView first = disk_view(reading.topology.disks[0], reading.snapshot.devices.data(), nullptr);
  EXPECT_EQ(first.requests_rate, std::nullopt);
  EXPECT_EQ(first.interrupts_rate, std::nullopt);
  EXPECT_TRUE(first.inflight) << "what is true now takes no window";

  Reading blind = reading;
  blind.snapshot.devices[0].queues.reset();
  const DiskView unseen = view_of(blind, later_than(blind));
  EXPECT_EQ(unseen.requests_rate, std::nullopt);
  EXPECT_EQ(unseen.avgqu_sz, std::nullopt);
  EXPECT_EQ(unseen.inflight, std::nullopt);
  EXPECT_THAT(unseen.interrupts_rate, Optional(0)) << "these were seen";
  EXPECT_EQ(unseen.busiest_share, std::nullopt);

  Reading idle = later_than(reading);
  EXPECT_THAT(view_of(reading, idle).requests_rate, Optional(0)) << "measured: there was none";
  EXPECT_EQ(view_of(reading, idle).at_device.p50, std::nullopt);
}

TEST(DiskView, FallsBackToTheKernelsAccounting) {
  Reading earlier = test::quiet_reading(1);
  earlier.snapshot.devices[0].queues.reset();
  earlier.snapshot.devices[0].accounting.emplace();
  Reading later = later_than(earlier);
  later.snapshot.devices[0].accounting = {500 * kMillisecond, 4};
  const DiskView view = view_of(earlier, later);
  EXPECT_THAT(view.avgqu_sz, Optional(0.25));
  ASSERT_TRUE(view.inflight);
  EXPECT_EQ(view.inflight->requests, 4U);
  EXPECT_EQ(view.requests_rate, std::nullopt);
}

TEST(DiskView, CountersThatBeganAnewAreNoWindow) {
  Reading earlier = test::quiet_reading(1);
  complete(earlier, 0, VQS_READ, 10, kMillisecond);
  const Reading anew = later_than(test::quiet_reading(1));
  EXPECT_FALSE(disk_window(earlier.snapshot, anew.snapshot, "vda"));
  Reading other = later_than(earlier);
  other.snapshot.devices[0].instance = 2;
  EXPECT_FALSE(disk_window(earlier.snapshot, other.snapshot, "vda")) << "another disk of that name";
  EXPECT_FALSE(disk_window(earlier.snapshot, earlier.snapshot, "vda")) << "no time has passed";
  EXPECT_FALSE(disk_window(earlier.snapshot, later_than(earlier).snapshot, "vdb"));
}

TEST(DiskView, SplitsTheTimeBetweenHostAndGuest) {
  RequestTime time;
  time.before_issue = 1;
  time.at_device = 4;
  EXPECT_EQ(host_share(time), std::nullopt) << "completions were not told apart";
  time.at_host = 3;
  EXPECT_THAT(host_share(time), Optional(DoubleNear(0.6, 1e-9)));
}

TEST(QueueViews, HaveALineForEachQueue) {
  const Reading earlier = test::quiet_reading(3);
  Reading later = later_than(earlier);
  later.topology.disks[0].queues[2].type = QueueType::kPoll;
  complete(later, 0, VQS_READ, 900, kMillisecond);
  complete(later, 2, VQS_WRITE, 300, 10 * kMillisecond);
  const auto window = disk_window(earlier.snapshot, later.snapshot, "vda");
  ASSERT_TRUE(window);
  const auto queues = queue_views(later.topology.disks[0], later.snapshot.devices.data(), &*window);
  ASSERT_THAT(queues, SizeIs(3));
  EXPECT_THAT(queues[0].requests_rate, Optional(450));
  EXPECT_THAT(queues[0].share, Optional(0.75));
  EXPECT_THAT(queues[0].limit, Optional(128U));
  EXPECT_THAT(queues[1].requests_rate, Optional(0));
  EXPECT_EQ(queues[1].at_device.p99, std::nullopt);
  EXPECT_EQ(queues[2].type, QueueType::kPoll);
  EXPECT_THAT(queues[2].average_inflight, Optional(DoubleNear(1.5, 1e-9)));
  ASSERT_TRUE(queues[2].at_device.p50);
  EXPECT_NEAR(queues[2].at_device.p50->seconds, 0.01, 0.001);

  EXPECT_EQ(latency_histogram(window->grown, Phase::kAtDevice, std::nullopt).count(), 1'200U);
  EXPECT_EQ(latency_histogram(window->grown, Phase::kBeforeIssue, 2).sum_ns, 300 * kMillisecond);
  EXPECT_TRUE(latency_histogram(window->grown, Phase::kAtDevice, 3).empty());
}

TEST(Latency, MarksQuantilesThatFewRequestsTellOf) {
  Histogram histogram;
  histogram.add(100, 1'000);
  const Latency latency = latency_of(histogram);
  ASSERT_TRUE(latency.p50 && latency.p99 && latency.p999);
  EXPECT_TRUE(latency.p50->supported);
  EXPECT_TRUE(latency.p99->supported);
  EXPECT_FALSE(latency.p999->supported) << "one request lies beyond it";
  EXPECT_EQ(latency.p99->seconds, *quantile(histogram, 0.99));
}

TEST(HeatColumn, CountsEachDurationOnceInTheRowOfItsCells) {
  Histogram histogram;
  for (std::size_t cell = 40; cell < 57; ++cell) histogram.set(cell, cell);
  histogram.set(60, 0);
  const CellRange range = counted(histogram);
  EXPECT_EQ(range.begin, 40U);
  EXPECT_EQ(range.end, 57U);
  const HeatScale scale = heat_scale(range, 8);  // 17 cells
  EXPECT_EQ(scale.cells_per_row, 3U);
  EXPECT_EQ(scale.rows, 6U);
  const auto column = heat_column(histogram, scale);
  EXPECT_THAT(column, ElementsAre(40 + 41 + 42, 43 + 44 + 45, 46 + 47 + 48, 49 + 50 + 51, 52 + 53 + 54, 55 + 56));
  // 42 is the last cell of the first row.
  EXPECT_DOUBLE_EQ(scale.upper_bound_seconds(0), upper_bound_seconds(VQS_FIRST_INDEX + 42 - 1));
}

TEST(HeatColumn, PutsWhatLiesOutsideOfTheScaleAtItsEnds) {
  Histogram histogram;
  histogram.set(0, 1);
  histogram.set(50, 2);
  histogram.set(VQS_LAST_CELL, 4);
  EXPECT_THAT(heat_column(histogram, heat_scale({45, 55}, 5)), ElementsAre(1, 0, 2, 0, 4));
  EXPECT_TRUE(std::isinf(heat_scale({200, VQS_LAST_CELL + 1}, 1).upper_bound_seconds(0)));
  EXPECT_THAT(heat_column(histogram, heat_scale({}, 5)), IsEmpty());
  EXPECT_EQ(counted({}).end, 0U);
}

TEST(QueueMatrix, GivesLinesOfSeveralQueuesARowOfTheirOwn) {
  const Reading earlier = test::quiet_reading(2);
  Reading later = later_than(earlier);
  complete(later, 1, VQS_READ, 10, kMillisecond);
  later.snapshot.devices[0].vectors[0].per_cpu = {4, 0};
  const auto own = queue_matrix(disk_window(earlier.snapshot, later.snapshot, "vda")->measured);
  ASSERT_THAT(own.rows, SizeIs(2));
  EXPECT_THAT(own.rows[0].interrupts, ElementsAre(4, 0));
  EXPECT_THAT(own.rows[1].submissions, ElementsAre(10, 0));
  EXPECT_EQ(weight_of(own.rows[0], own), 1);

  Reading from = earlier, to = later;
  for (Reading* reading : {&from, &to}) reading->snapshot.devices[0].vectors[0].line.queue.reset();
  const auto shared = queue_matrix(disk_window(from.snapshot, to.snapshot, "vda")->measured);
  ASSERT_THAT(shared.rows, SizeIs(3));
  EXPECT_EQ(shared.rows[2].queue, std::nullopt);
  EXPECT_THAT(shared.rows[2].interrupts, ElementsAre(4, 0));
}

TEST(QueueMatrix, FoldsQuietVcpusAndKeepsTheBusiest) {
  QueueMatrix matrix;
  matrix.submissions = {50, 10, 0, 0, 0, 40};
  matrix.interrupts = {0, 0, 0, 0, 7, 0};
  const ShownCpus all = choose_cpus(matrix, 6);
  EXPECT_THAT(all.cpus, SizeIs(6));
  EXPECT_FALSE(all.others);
  const ShownCpus few = choose_cpus(matrix, 4);
  EXPECT_THAT(few.cpus, ElementsAre(0, 4, 5));
  EXPECT_TRUE(few.others);
  EXPECT_EQ(few.columns(), 4U);
  EXPECT_THAT(choose_cpus(matrix, 0).cpus, ElementsAre(0, 4)) << "never fewer than these";
}

TEST(GuestView, HasSharesOfEachVcpusTimeAndWhatWasLost) {
  Reading earlier = test::quiet_reading(1, 2);
  earlier.snapshot.cpu_times = {{1'000, 0}, {1'000, 10}};
  Reading later = later_than(earlier);
  later.snapshot.cpu_times = {{1'200, 50}, {1'200, 10}};
  later.snapshot.completion_cpus[1] = {300 * kMillisecond, 200 * kMillisecond};
  later.snapshot.activity.cpu->user += 30;
  later.snapshot.activity.cpu->idle += 70;
  (*later.snapshot.losses)[VQS_LOST_UNMATCHED] = 3;
  const GuestView view = guest_view(&earlier, later);
  EXPECT_THAT(view.seconds, Optional(2));
  ASSERT_THAT(view.cpus, SizeIs(2));
  EXPECT_THAT(view.cpus[0].stolen, Optional(0.25));
  EXPECT_THAT(view.cpus[1].stolen, Optional(0));
  EXPECT_THAT(view.cpus[1].completing, Optional(0.25));
  EXPECT_THAT(view.busy, Optional(DoubleNear(0.3, 1e-9)));
  ASSERT_TRUE(view.lost);
  ASSERT_THAT(*view.lost, SizeIs(1));
  EXPECT_EQ(view.lost->front().kind, std::size_t{VQS_LOST_UNMATCHED});
}

TEST(Losses, SayWhatTheyMeanAndHowMuchOfTheWholeTheyAre) {
  Reading earlier = test::quiet_reading(1, 2);
  complete(earlier, 0, VQS_READ, 70'000, kMillisecond);  // before the window
  Reading later = later_than(earlier);
  complete(later, 0, VQS_READ, 231'000, kMillisecond);
  (*later.snapshot.losses)[VQS_LOST_STALE_SLOT] = 44;
  (*later.snapshot.losses)[VQS_LOST_NOTIFY_NESTING] = 1;
  const auto losses = losses_between(earlier.snapshot, later.snapshot);
  ASSERT_TRUE(losses);
  ASSERT_THAT(*losses, SizeIs(2));
  EXPECT_EQ(tell(losses->at(0)),
            "Not counted: 44 of 231,044 requests (0.02 %), whose completion was not seen [stale_slot]");
  EXPECT_EQ(tell(losses->at(1)), "Not counted: 1 notification of which only one end was seen [notify_nesting]");
  EXPECT_THAT(losses_between(later.snapshot, later.snapshot), Optional(SizeIs(0)));
  for (std::size_t kind = 0; kind < VQS_LOSSES; ++kind) EXPECT_FALSE(kLossKinds[kind].why.empty()) << kLossNames[kind];
}

TEST(GuestView, HasNoSharesWithoutAWindow) {
  const GuestView view = guest_view(nullptr, test::quiet_reading(1, 2));
  EXPECT_EQ(view.seconds, std::nullopt);
  EXPECT_THAT(view.cpus, SizeIs(2));
  EXPECT_EQ(view.cpus[0].completing, std::nullopt);
  EXPECT_EQ(view.busy, std::nullopt);
  EXPECT_EQ(view.lost, std::nullopt);
}

}  // namespace
}  // namespace vqscope
