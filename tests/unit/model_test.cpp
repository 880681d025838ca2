// SPDX-License-Identifier: Apache-2.0
#include "agent/model/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/model/window.h"

namespace vqscope {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr std::uint64_t kSecond = 1'000'000'000;

using Counts = std::vector<std::uint64_t>;

TEST(Concentration, IsTheShareOfTheBusiest) {
  const struct {
    Counts counts;
    double share;
  } cases[] = {{{100}, 1},           {{0, 219452}, 1}, {{1, 1}, 0.5},
               {{1, 1, 1, 1}, 0.25}, {{6, 3, 1}, 0.6}, {{~0ULL, ~0ULL}, 0.5}};
  for (const auto& c : cases) EXPECT_THAT(concentration(c.counts), Optional(DoubleEq(c.share)));
}

TEST(Concentration, OfNothingIsAbsent) {
  EXPECT_EQ(concentration(Counts{}), std::nullopt);
  EXPECT_EQ(concentration(Counts{0, 0, 0}), std::nullopt);
}

TEST(EffectiveNumber, OfEqualSharesIsTheirNumber) {
  for (std::size_t n = 1; n <= 256; n *= 2)
    EXPECT_THAT(effective_number(Counts(n, 7)), Optional(DoubleEq(static_cast<double>(n))));
  EXPECT_THAT(effective_number(Counts{5, 0, 5, 0}), Optional(DoubleEq(2)));
  EXPECT_THAT(effective_number(Counts{~0ULL, ~0ULL}), Optional(DoubleEq(2)));
}

TEST(EffectiveNumber, OfOneIsOne) {
  EXPECT_THAT(effective_number(Counts{0, 0, 12, 0}), Optional(DoubleEq(1)));
  EXPECT_THAT(effective_number(Counts{~0ULL}), Optional(DoubleEq(1)));
}

TEST(EffectiveNumber, IsTheInverseSimpsonIndex) {
  EXPECT_THAT(effective_number(Counts{3, 1}), Optional(DoubleEq(1 / (0.75 * 0.75 + 0.25 * 0.25))));
}

TEST(EffectiveNumber, OfNothingIsAbsent) {
  EXPECT_EQ(effective_number(Counts{}), std::nullopt);
  EXPECT_EQ(effective_number(Counts{0, 0}), std::nullopt);
}

QueueCounters queue(std::uint64_t inflight_ns, std::uint64_t time_ns = 0, std::vector<OriginCounters> origins = {}) {
  QueueCounters counters;
  counters.inflight_ns = inflight_ns;
  counters.time_ns = time_ns;
  counters.origins = std::move(origins);
  return counters;
}

DeviceSnapshot device(const std::string& name, std::uint64_t instance, std::vector<QueueCounters> queues) {
  DeviceSnapshot snapshot;
  snapshot.name = name;
  snapshot.instance = instance;
  snapshot.queues = std::move(queues);
  return snapshot;
}

Snapshot snapshot(std::uint64_t time_ns, std::vector<DeviceSnapshot> devices) {
  Snapshot result;
  result.time_ns = time_ns;
  result.devices = std::move(devices);
  return result;
}

DeviceAccounting accounting(std::uint64_t time_ns, std::uint64_t inflight = 0) {
  DeviceAccounting result;
  result.time_ns = time_ns;
  result.inflight = inflight;
  return result;
}

VectorCounters vector_of(std::uint32_t irq, std::optional<std::uint32_t> queue_index, Counts per_cpu) {
  return {{irq, queue_index, "vda"}, std::move(per_cpu), {}};
}

Topology topology(std::initializer_list<std::string> names) {
  Topology result;
  result.online_cpus = {0, 1};
  result.possible_cpus = 2;
  result.vmm = "qemu";
  for (const std::string& name : names) {
    Disk disk;
    disk.name = name;
    disk.queues = {{0, {0}, 128}, {1, {1}, 128}};
    result.disks.push_back(disk);
  }
  return result;
}

// ---- keep_monotonic

TEST(KeepMonotonic, NeverLetsTheIntegralsFall) {
  const Snapshot before = snapshot(1, {device("vda", 7, {queue(100, 50), queue(100, 50)})});
  Snapshot now = snapshot(2, {device("vda", 7, {queue(90, 60), queue(110, 40)})});
  keep_monotonic(before, now);
  const auto& queues = *now.devices[0].queues;
  EXPECT_EQ(queues[0].inflight_ns, 100U);
  EXPECT_EQ(queues[0].time_ns, 60U);
  EXPECT_EQ(queues[1].inflight_ns, 110U);
  EXPECT_EQ(queues[1].time_ns, 50U);
}

// The integral after each of these readings.
std::vector<std::uint64_t> kept(const std::vector<std::uint64_t>& readings, std::uint64_t interval_ns = kSecond) {
  std::vector<std::uint64_t> result;
  Snapshot last;
  for (const std::uint64_t reading : readings) {
    Snapshot now = snapshot(last.time_ns + interval_ns, {device("vda", 7, {queue(reading)})});
    keep_monotonic(last, now);
    result.push_back(now.devices[0].queues->at(0).inflight_ns);
    last = without_histograms(now);
  }
  return result;
}

TEST(KeepMonotonic, LetsWhatAReaderMissedForAMomentComeBackOnce) {
  EXPECT_EQ(kept({100, 90, 130, 120, 160}), (std::vector<std::uint64_t>{100, 100, 130, 130, 160}));
}

TEST(KeepMonotonic, GrowsOnWhenTheTimeOfALostRequestDoesNotComeBack) {
  EXPECT_EQ(kept({1000, 100, 150, 180}), (std::vector<std::uint64_t>{1000, 1000, 1050, 1080}));
  EXPECT_EQ(kept({1000, 100, 150, 50, 60, 70}), (std::vector<std::uint64_t>{1000, 1000, 1050, 1050, 1060, 1070}));
  EXPECT_EQ(kept({1000, 100, 90, 95}), (std::vector<std::uint64_t>{1000, 1000, 1000, 1005}));
}

TEST(KeepMonotonic, TakesNoTwoReadingsOfOneMomentForALoss) {
  EXPECT_EQ(kept({1000, 100, 150, 1100}, kSecond / 1000), (std::vector<std::uint64_t>{1000, 1000, 1000, 1100}));
}

TEST(KeepMonotonic, LeavesAnotherDiskOfTheSameNameAlone) {
  const Snapshot before = snapshot(1, {device("vda", 7, {queue(100, 50)})});
  Snapshot now = snapshot(2, {device("vda", 8, {queue(1, 2)}), device("vdb", 7, {queue(3, 4)})});
  keep_monotonic(before, now);
  EXPECT_EQ(now.devices[0].queues->at(0).inflight_ns, 1U);
  EXPECT_EQ(now.devices[0].queues->at(0).time_ns, 2U);
  EXPECT_EQ(now.devices[1].queues->at(0).inflight_ns, 3U);
}

TEST(KeepMonotonic, StandsQueuesThatComeOrGoAndDisksWithoutQueues) {
  const Snapshot before =
      snapshot(1, {device("vda", 1, {queue(100)}), device("vdb", 2, {queue(100), queue(100)}), DeviceSnapshot{}});
  DeviceSnapshot degraded = device("vdb", 2, {});
  degraded.queues.reset();
  Snapshot now = snapshot(2, {device("vda", 1, {queue(99), queue(5)}), degraded});
  keep_monotonic(before, now);
  EXPECT_EQ(now.devices[0].queues->at(0).inflight_ns, 100U);
  EXPECT_EQ(now.devices[0].queues->at(1).inflight_ns, 5U);
  EXPECT_EQ(now.devices[1].queues, std::nullopt);
  Snapshot fewer = snapshot(3, {device("vdb", 2, {queue(1)})});
  keep_monotonic(before, fewer);
  EXPECT_EQ(fewer.devices[0].queues->at(0).inflight_ns, 100U);
  keep_monotonic(Snapshot{}, fewer);
}

// ---- derive

TEST(Derive, CarriesOverWhatIsKnown) {
  Snapshot now = snapshot(kSecond, {device("vda", 1, {queue(0), queue(0)})});
  now.losses.emplace().fill(3);
  const Model model = derive(topology({"vda"}), now, nullptr, {{"block", true, "", 4}, {"irq", false, "no BTF", {}}});
  EXPECT_THAT(model.online_cpus, ElementsAre(0, 1));
  EXPECT_EQ(model.vmm, "qemu");
  EXPECT_EQ(model.losses, now.losses);
  ASSERT_EQ(model.probes.size(), 2U);
  EXPECT_EQ(model.probes[1].reason, "no BTF");
  ASSERT_EQ(model.devices.size(), 1U);
  EXPECT_EQ(model.devices[0].disk.name, "vda");
  EXPECT_EQ(model.devices[0].disk.queues.size(), 2U);
  EXPECT_EQ(model.devices[0].counters.instance, 1U);
}

TEST(Derive, LeavesOutADeviceThatTheTopologyDoesNotHave) {
  const Model model = derive(topology({"vdb"}), snapshot(1, {device("vda", 1, {}), device("vdb", 2, {})}), nullptr, {});
  ASSERT_EQ(model.devices.size(), 1U);
  EXPECT_EQ(model.devices[0].disk.name, "vdb");
}

// The average of one queue over 10 s in which its counters grew by as many seconds.
struct Growth {
  std::uint64_t inflight, device, queue, accounted;
};
std::optional<double> average(const Growth& seconds) {
  QueueCounters old = queue(5 * kSecond, 7 * kSecond), now = old;
  old.device_ns = now.device_ns = 3 * kSecond;
  now.inflight_ns += seconds.inflight * kSecond;
  now.device_ns += seconds.device * kSecond;
  now.queue_ns += seconds.queue * kSecond;
  now.time_ns += seconds.accounted * kSecond;
  const Snapshot before = snapshot(20 * kSecond, {device("vda", 1, {old})});
  const Model model = derive(topology({"vda"}), snapshot(30 * kSecond, {device("vda", 1, {now})}), &before, {});
  return model.devices.at(0).avgqu_sz.at(0);
}

TEST(Derive, AverageQueueSizeOfCompletedRequestsIsIostats) {
  EXPECT_THAT(average({600, 600, 40, 640}), Optional(DoubleEq(64)));
  EXPECT_THAT(average({600, 600, 40, 660}), Optional(DoubleEq(66))) << "20 s of waiting for flushes";
  EXPECT_THAT(average({0, 0, 0, 0}), Optional(DoubleEq(0))) << "measured, and zero";
}

TEST(Derive, AverageQueueSizeCountsRequestsThatHang) {
  EXPECT_THAT(average({10, 0, 0, 0}), Optional(DoubleEq(1))) << "one, all the time";
  EXPECT_THAT(average({30, 20, 0, 20}), Optional(DoubleEq(3)));
}

TEST(Derive, AverageQueueSizeDoesNotCountTwiceWhatHungBeforeTheWindow) {
  EXPECT_THAT(average({10, 60, 0, 60}), Optional(DoubleEq(1))) << "50 s of it were shown while it hung";
}

TEST(Derive, AverageQueueSizeDoesNotNeedTheKernelsAccounting) {
  EXPECT_THAT(average({600, 600, 40, 0}), Optional(DoubleEq(64))) << "queue/iostats is 0";
}

TEST(Derive, EachQueueHasItsOwnAverage) {
  const Snapshot before = snapshot(5 * kSecond, {device("vda", 1, {queue(10 * kSecond), queue(3 * kSecond)})});
  const Snapshot now = snapshot(9 * kSecond, {device("vda", 1, {queue(266 * kSecond), queue(3 * kSecond)})});
  const Model model = derive(topology({"vda"}), now, &before, {});
  EXPECT_THAT(model.devices.at(0).avgqu_sz, ElementsAre(Optional(DoubleEq(64)), Optional(DoubleEq(0))));
}

TEST(Derive, WithoutAnEarlierSampleTheWindowsGaugesAreAbsent) {
  DeviceSnapshot busy = device("vda", 1, {queue(kSecond, kSecond, {{5, 0, 0}}), queue(kSecond)});
  busy.vectors = {vector_of(30, 0, {9, 0})};
  busy.accounting = accounting(kSecond, 3);
  DeviceSnapshot replaced = busy;
  replaced.instance = 2;
  const Snapshot now = snapshot(20 * kSecond, {busy});
  const Snapshot other_disk = snapshot(10 * kSecond, {device("vdb", 1, {queue(0), queue(0)})});
  const Snapshot other_instance = snapshot(10 * kSecond, {replaced});
  const Snapshot too_young = snapshot(20 * kSecond - 99'999'999, {busy});
  const Snapshot same_time = snapshot(20 * kSecond, {busy});
  const Snapshot later = snapshot(21 * kSecond, {busy});
  const std::pair<const char*, const Snapshot*> cases[] = {
      {"no sample", nullptr},           {"plugged since", &other_disk}, {"replaced since", &other_instance},
      {"less than 100 ms", &too_young}, {"the same", &same_time},       {"later", &later}};
  for (const auto& [name, earlier] : cases) {
    SCOPED_TRACE(name);
    const Model model = derive(topology({"vda"}), now, earlier, {});
    const DeviceModel& vda = model.devices.at(0);
    EXPECT_THAT(vda.avgqu_sz, ElementsAre(std::nullopt, std::nullopt)) << "one for each queue, absent";
    EXPECT_EQ(vda.accounted_avgqu_sz, std::nullopt);
    EXPECT_EQ(vda.irq_concentration, std::nullopt);
    EXPECT_EQ(vda.irq_effective_cpus, std::nullopt);
    EXPECT_EQ(vda.submission_effective_cpus, std::nullopt);
  }
}

TEST(Derive, AWindowOf100MillisecondsIsLongEnough) {
  const Snapshot before = snapshot(kSecond, {device("vda", 1, {queue(0)})});
  const Snapshot now = snapshot(kSecond + 100'000'000, {device("vda", 1, {queue(200'000'000)})});
  EXPECT_THAT(derive(topology({"vda"}), now, &before, {}).devices.at(0).avgqu_sz, ElementsAre(Optional(DoubleEq(2))));
}

TEST(Derive, AQueueThatIsNewHasNoAverageYet) {
  const Snapshot before = snapshot(kSecond, {device("vda", 1, {queue(0)})});
  const Snapshot now = snapshot(2 * kSecond, {device("vda", 1, {queue(kSecond), queue(kSecond)})});
  EXPECT_THAT(derive(topology({"vda"}), now, &before, {}).devices.at(0).avgqu_sz,
              ElementsAre(Optional(DoubleEq(1)), std::nullopt));
}

TEST(Derive, CountersThatGoBackwardsYieldZero) {
  DeviceSnapshot old = device("vda", 1, {queue(kSecond, 0, {{9, 9, 9}, {0, 0, 0}})});
  old.vectors = {vector_of(30, 0, {100, 5})};
  old.accounting = accounting(kSecond, 0);
  DeviceSnapshot fresh = device("vda", 1, {queue(10, 0, {{1, 0, 0}, {4, 0, 0}})});
  fresh.vectors = {vector_of(30, 0, {2, 8})};
  fresh.accounting = accounting(10, 0);
  const Snapshot before = snapshot(kSecond, {old});
  const Model model = derive(topology({"vda"}), snapshot(2 * kSecond, {fresh}), &before, {});
  const DeviceModel& vda = model.devices.at(0);
  EXPECT_THAT(vda.avgqu_sz, ElementsAre(Optional(DoubleEq(0))));
  EXPECT_THAT(vda.accounted_avgqu_sz, Optional(DoubleEq(0)));
  EXPECT_THAT(vda.irq_concentration, Optional(DoubleEq(1))) << "CPU 1 took 3, CPU 0 counts as none";
  EXPECT_THAT(vda.submission_effective_cpus, Optional(DoubleEq(1)));
}

TEST(Derive, InterruptsAreThoseOfTheWindowOverAllLines) {
  DeviceSnapshot old = device("vda", 1, {queue(0)});
  old.vectors = {vector_of(30, 0, {1000, 0}), vector_of(31, 1, {0, 500})};
  DeviceSnapshot fresh = device("vda", 1, {queue(0)});
  fresh.vectors = {vector_of(30, 0, {1030, 0}), vector_of(31, 1, {0, 510})};
  const Snapshot before = snapshot(kSecond, {old});
  const Model model = derive(topology({"vda"}), snapshot(2 * kSecond, {fresh}), &before, {});
  const DeviceModel& vda = model.devices.at(0);
  EXPECT_THAT(vda.irq_concentration, Optional(DoubleEq(0.75)));
  EXPECT_THAT(vda.irq_effective_cpus, Optional(DoubleEq(1.6)));
}

TEST(Derive, LinesAreMatchedByWhatTheyAreNotByTheirPlace) {
  DeviceSnapshot old = device("vda", 1, {queue(0)});
  old.vectors = {vector_of(31, 1, {0, 500}), vector_of(30, 0, {1000, 0})};
  DeviceSnapshot fresh = device("vda", 1, {queue(0)});
  // 32 is new: what it counted before it was seen does not belong to the window.
  fresh.vectors = {vector_of(30, 0, {1001, 0}), vector_of(31, 1, {0, 501}), vector_of(32, 2, {12345, 0})};
  const Snapshot before = snapshot(kSecond, {old});
  const Model model = derive(topology({"vda"}), snapshot(2 * kSecond, {fresh}), &before, {});
  EXPECT_THAT(model.devices.at(0).irq_concentration, Optional(DoubleEq(0.5)));
  EXPECT_THAT(model.devices.at(0).irq_effective_cpus, Optional(DoubleEq(2)));
}

TEST(Derive, AnIdleWindowHasNoSpread) {
  DeviceSnapshot idle = device("vda", 1, {queue(0, 0, {{3, 0, 0}})});
  idle.vectors = {vector_of(30, 0, {1000, 5})};
  const Snapshot before = snapshot(kSecond, {idle});
  const Model model = derive(topology({"vda"}), snapshot(2 * kSecond, {idle}), &before, {});
  const DeviceModel& vda = model.devices.at(0);
  EXPECT_THAT(vda.avgqu_sz, ElementsAre(Optional(DoubleEq(0)))) << "measured, and zero";
  EXPECT_EQ(vda.irq_concentration, std::nullopt);
  EXPECT_EQ(vda.irq_effective_cpus, std::nullopt);
  EXPECT_EQ(vda.submission_effective_cpus, std::nullopt);
}

TEST(Derive, SubmissionsAreSummedOverQueuesWhateverTheirInterrupt) {
  const Snapshot before =
      snapshot(kSecond, {device("vda", 1, {queue(0, 0, {{0, 0, 0}, {0, 0, 0}}), queue(0, 0, {{0, 0, 0}, {0, 0, 0}})})});
  const Snapshot now = snapshot(
      2 * kSecond, {device("vda", 1, {queue(0, 0, {{1, 1, 0}, {0, 0, 1}}), queue(0, 0, {{1, 0, 0}, {0, 2, 0}})})});
  const Model model = derive(topology({"vda"}), now, &before, {});
  EXPECT_THAT(model.devices.at(0).submission_effective_cpus, Optional(DoubleEq(2))) << "3 from each CPU";
}

TEST(Derive, HandlersAreMergedByQueue) {
  Histogram a, b, c;
  a.set(3, 1), a.sum_ns = 600;
  b.set(3, 2), b.set(9, 5), b.sum_ns = 7000;
  c.set(VQS_LAST_CELL, 1), c.sum_ns = 300 * kSecond;
  DeviceSnapshot now = device("vda", 1, {queue(0), queue(0)});
  now.vectors = {vector_of(30, 0, {}), vector_of(31, 0, {}), vector_of(32, std::nullopt, {}), vector_of(33, 1, {})};
  now.vectors[0].handler = a;
  now.vectors[1].handler = b;
  now.vectors[2].handler = c;  // 33 has none: without the irq probe
  const Model model = derive(topology({"vda"}), snapshot(kSecond, {now}), nullptr, {});
  Histogram sum = a;
  sum += b;
  const auto& handlers = model.devices.at(0).handlers;
  ASSERT_EQ(handlers.size(), 2U);
  EXPECT_EQ(handlers.at(0), sum);
  EXPECT_EQ(sum.count(), 8U);
  EXPECT_EQ(sum.sum_ns, 7600U);
  EXPECT_EQ(handlers.at(std::nullopt), c);
}

TEST(Derive, WithoutTheBlockProbeTheKernelsAccountingGivesTheAverage) {
  DeviceSnapshot old = device("vda", 1, {});
  old.queues.reset();
  old.accounting = accounting(10 * kSecond, 2);
  DeviceSnapshot fresh = old;
  fresh.accounting = accounting(40 * kSecond, 5);
  const Snapshot before = snapshot(kSecond, {old});
  const Model model = derive(topology({"vda"}), snapshot(11 * kSecond, {fresh}), &before, {});
  const DeviceModel& vda = model.devices.at(0);
  EXPECT_THAT(vda.accounted_avgqu_sz, Optional(DoubleEq(3)));
  EXPECT_THAT(vda.avgqu_sz, IsEmpty());
  EXPECT_EQ(vda.submission_effective_cpus, std::nullopt);
}

TEST(Derive, AWindowAcrossTheLossOfAProbeMixesNothing) {
  DeviceSnapshot with = device("vda", 1, {queue(kSecond, 0, {{1, 0, 0}})});
  DeviceSnapshot without = device("vda", 1, {});
  without.queues.reset();
  without.accounting = accounting(kSecond, 0);
  const Snapshot before = snapshot(kSecond, {with});
  const Model lost = derive(topology({"vda"}), snapshot(3 * kSecond, {without}), &before, {});
  EXPECT_EQ(lost.devices.at(0).accounted_avgqu_sz, std::nullopt);
  const Snapshot accounted = snapshot(kSecond, {without});
  const Model found = derive(topology({"vda"}), snapshot(3 * kSecond, {with}), &accounted, {});
  EXPECT_THAT(found.devices.at(0).avgqu_sz, ElementsAre(std::nullopt));
  EXPECT_EQ(found.devices.at(0).submission_effective_cpus, std::nullopt);
}

}  // namespace
}  // namespace vqscope
