// SPDX-License-Identifier: Apache-2.0
// Rates that stay while requests wait: when that is a finding, what it says, and what other findings say beside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/diagnosis/diagnosis.h"
#include "agent/model/window.h"
#include "tests/unit/disk_case.h"

namespace vqscope {
namespace {

using test::Case;
using test::disk;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

std::vector<LoadSlice> seconds(const std::vector<double>& rates, const std::vector<double>& inflight,
                               double size = 4096) {
  std::vector<LoadSlice> slices;
  for (std::size_t i = 0; i < inflight.size(); ++i) {
    const double rate = rates[i % rates.size()];
    slices.push_back({1, rate, rate * size, inflight[i], inflight[i], 0});
  }
  return slices;
}

// A disk that answers so many requests a second, of which so many are in flight in each second.
Case limited(double rate, const std::vector<double>& inflight, double latency, std::uint32_t queues = 4) {
  Case load = disk(queues, 4);
  const auto each = static_cast<std::uint64_t>(10 * rate / 4);
  load.requests({each, each, each, each})
      .latency(VQS_READ, latency, 2e-6, 4 * each)
      .inflight(inflight.front() / queues);
  load.measured.steadiness = steadiness(seconds({rate}, inflight));
  return load;
}

const std::vector<double> kSame(10, 128.0);
const std::vector<double> kVaried = {64, 65, 128, 127, 64, 66, 126, 128, 64, 127};

TEST(StorageLimit, IsToldWhereTheRateStaysWhileInFlightDoesNot) {
  const Found found = limited(16'000, kVaried, 0.006).only();
  EXPECT_EQ(found.severity, Severity::kWarning);
  EXPECT_EQ(found.remedy, Remedy::kFindLimit);
  EXPECT_THAT(found.evidence, Contains(HasSubstr("while between 64 and 128 were in flight")));
  EXPECT_THAT(found.evidence,
              Contains("The limit is 16,000 requests/s or 62 MiB/s; which of them it is that stays does not show with "
                       "requests of about the same size."));
  EXPECT_THAT(found.evidence, Contains("More vCPUs do not help."));
  EXPECT_THAT(found.numbers, Contains(Pair("limit_requests_per_second", 16'000)));
  EXPECT_THAT(found.numbers, Contains(Pair("seen", 1)));
  EXPECT_THAT(found.numbers, Contains(Pair("looks_set", 1)));
}

TEST(StorageLimit, IsLikelyWhereManyWaitEquallyLongAndTheirNumberHardlyVaries) {
  const Found found = limited(16'000, kSame, 0.008).only();
  EXPECT_EQ(found.severity, Severity::kWarning);
  EXPECT_THAT(found.evidence, Not(Contains("More vCPUs do not help."))) << "if each takes that long, they may";
  EXPECT_THAT(found.evidence, Contains(HasSubstr("or each request takes that long, however many there are")));
  EXPECT_THAT(found.evidence, Contains(HasSubstr("that more of them bring no more was not seen")));
  EXPECT_THAT(found.numbers, Contains(Pair("seen", 0)));
  EXPECT_THAT(found.numbers, Not(Contains(Key("limit_requests_per_second"))));
  EXPECT_THAT(found.evidence, Contains(HasSubstr("the threads of the host that serve its queues")));
  Case varied = limited(16'000, kVaried, 0.008);
  varied.measured.steadiness->unrest = 40;  // not near a second's average when it is read
  EXPECT_THAT(varied.only().evidence, Contains(HasSubstr(", with between 64 and 128 in flight: that more")));
  EXPECT_THAT(limited(90'000, kSame, 0.0014).found(), IsEmpty()) << "storage answers one in that time";
  EXPECT_THAT(limited(1'000, std::vector<double>(10, 1.0), 0.004).found(), IsEmpty()) << "none waits for another";
  EXPECT_THAT(limited(1'000, std::vector<double>(10, 4.0), 0.004).found(), IsEmpty()) << "the fewer, the likelier";
  Case bursts = limited(16'000, kSame, 0.008);
  bursts.measured.steadiness->unrest = 100;
  EXPECT_THAT(bursts.found(), IsEmpty()) << "in between nothing is in flight";
  EXPECT_THAT(limited(3'000, std::vector<double>(10, 64.0), 0.021).found(), ElementsAre("slow_at_device warning"));
}

TEST(StorageLimit, TellsWhetherWhatServesTheQueueWaitedForWork) {
  Case load = limited(16'000, kVaried, 0.006);
  EXPECT_THAT(load.only().evidence, Not(Contains(HasSubstr("notified")))) << "was not measured";
  load.measured.notified_share = 0.96;
  EXPECT_THAT(load.only().evidence,
              Contains(AllOf(HasSubstr("notified 96 times for 100 requests"), HasSubstr("speaks against"))));
  EXPECT_THAT(load.only().numbers, Contains(Pair("notifications_per_request", 0.96)));
  load.measured.notified_share = 0.07;
  EXPECT_THAT(load.only().evidence,
              Contains(AllOf(HasSubstr("notified 7 times for 100 requests"), HasSubstr("always busy"))));
  load.measured.notified_share = 0.5;
  EXPECT_THAT(load.only().evidence, Not(Contains(HasSubstr("notified")))) << "says nothing";
  load.measured.notified_share = 0.96;
  load.disk().driver = "nvme";
  EXPECT_THAT(load.findings().front().found.evidence, Not(Contains(HasSubstr("notified"))));
}

// As many requests that each take their time are served evenly, too.
TEST(StorageLimit, LooksSetOnlyWhereItIsSteadierThanChance) {
  Case load = limited(16'000, kVaried, 0.006);
  load.measured.steadiness->requests_spread = load.measured.steadiness->bytes_spread = 0.3 / std::sqrt(16'000);
  EXPECT_THAT(load.only().numbers, Contains(Pair("looks_set", 0)));
  load.measured.steadiness->requests_spread = load.measured.steadiness->bytes_spread = 0.03 / std::sqrt(16'000);
  EXPECT_THAT(load.only().numbers, Contains(Pair("looks_set", 1)));
}

TEST(StorageLimit, IsNotToldWhereRequestsWaitForThisGuest) {
  Case load = limited(16'000, kVaried, 0.006);
  load.measured.time = RequestTime{};
  load.measured.time->requests = 160'000;
  load.measured.time->at_device = 960;
  load.measured.time->completion = 300;
  EXPECT_THAT(load.found(), ElementsAre("storage_limit warning"));
  load.measured.time->completion = 860;
  EXPECT_THAT(load.found(), IsEmpty());
}

TEST(StorageLimit, IsNotToldOfRequestsThatTakeTheirTimeWhateverIsInFlight) {
  Case load = limited(16'000, kSame, 0.008);
  std::vector<double> rates, inflight;
  for (int i = 0; i < 10; ++i) {
    inflight.push_back(128 + i % 3);
    rates.push_back(inflight.back() / 0.008);
  }
  load.measured.steadiness = steadiness(seconds(rates, inflight));
  EXPECT_THAT(load.found(), IsEmpty());
}

TEST(StorageLimit, IsNotToldOfAProgramThatSendsAtARateOfItsOwn) {
  Case load = limited(2'000, {2, 2.4, 1.8, 2.2, 2.1, 1.9}, 0.001);
  load.measured.steadiness->unrest = 1;
  EXPECT_THAT(load.found(), IsEmpty());
  load = limited(500, {0.5, 0.6, 0.4, 0.5, 0.55, 0.45}, 0.001);
  EXPECT_THAT(load.found(), IsEmpty()) << "half of the time there is nothing to do";
}

TEST(StorageLimit, IsNotToldOfADiskThatAnswersFast) {
  EXPECT_THAT(limited(200'000, kVaried, 0.0004).found(), IsEmpty());
}

TEST(StorageLimit, SaysThatALimitIsSetOnlyOfARateThatIsAsSteady) {
  Case load = limited(16'000, kVaried, 0.006);
  const double inflight_spread = load.measured.steadiness->inflight_spread;
  load.measured.steadiness->requests_spread = load.measured.steadiness->bytes_spread = 0.01;
  ASSERT_GT(inflight_spread, 0.03);
  const Found found = load.only();
  EXPECT_THAT(found.numbers, Contains(Pair("looks_set", 0)));
  EXPECT_THAT(found.evidence, AllOf(Contains(HasSubstr("What it is does not show here")),
                                    Contains(HasSubstr("The rate stood at 16,000 requests/s or 62 MiB/s;"))));
  load.measured.steadiness->requests_spread = load.measured.steadiness->bytes_spread = 0.06;
  EXPECT_THAT(load.found(), IsEmpty());
}

TEST(StorageLimit, IsOfBytesWhereThoseStay) {
  Case load = limited(3'000, kSame, 0.04);
  std::vector<LoadSlice> slices;
  for (const double size : {16e3, 18e3, 15e3, 17e3, 16.5e3, 15.5e3})
    slices.push_back({1, 50e6 / size, 50e6, 128, 128, 0});
  load.measured.steadiness = steadiness(slices);
  const Found found = load.only();
  EXPECT_THAT(found.evidence, AllOf(Contains("The limit is 48 MiB/s."),
                                    Contains(HasSubstr("bytes/s stayed, whatever the requests' sizes"))));
  EXPECT_THAT(found.numbers, Contains(Key("limit_bytes_per_second")));
  EXPECT_THAT(found.numbers, Not(Contains(Key("limit_requests_per_second"))));
}

TEST(StorageLimit, TakesTheBlameFromTheLayoutOfQueues) {
  Case load = limited(16'000, kSame, 0.008, 1);
  load.interrupts({160'000, 0, 0, 0}).cost(0.3);
  EXPECT_THAT(load.found(), ElementsAre("single_queue critical")) << "that was measured";
  load.cost(0.02);
  EXPECT_THAT(load.found(), ElementsAre("single_queue info", "storage_limit warning"));
  EXPECT_THAT(load.findings().front().found.evidence,
              Contains(HasSubstr("(storage_limit): that may be the one thread")));
  load.measured.steadiness = steadiness(seconds({16'000}, kVaried));
  EXPECT_THAT(load.findings().front().found.evidence, Contains(HasSubstr("(storage_limit), so that this is not what")))
      << "it looks set";
}

TEST(StorageLimit, WarnsOfAQueueWhoseThreadMayBeThePlateau) {
  Case load = limited(16'000, kVaried, 0.006, 1);
  load.interrupts({160'000, 0, 0, 0}).cost(0.02);
  load.measured.steadiness->requests_spread = load.measured.steadiness->bytes_spread = 0.02;
  EXPECT_THAT(load.found(), ElementsAre("single_queue warning", "storage_limit warning"));
  EXPECT_THAT(load.findings().front().found.evidence, Contains(HasSubstr("that may be the one thread of the host")));
}

TEST(StorageLimit, IsNoQueuesThreadWhereQueuesShareIt) {
  Case load = limited(16'000, kVaried, 0.006);
  load.measured.steadiness->requests_spread = load.measured.steadiness->bytes_spread = 0.02;
  EXPECT_THAT(load.only().evidence,
              Contains(HasSubstr(", the threads of the host that serve its queues, or a program")));
  load.measured.moved_queue = MovedQueue{2, {2'000, 9'000}};
  const Found found = load.only();
  EXPECT_THAT(found.evidence,
              Contains("In these seconds queue 2 went between 2,000 and 9,000 requests/s: what one queue brought less, "
                       "others brought more. So it is something that they share, and not what serves a single queue."));
  EXPECT_THAT(found.evidence, Contains(HasSubstr(", one thread of the host that serves all queues, or a program")));
  EXPECT_THAT(found.numbers, Contains(Pair("shared_by_queues", 1)));
}

// What a vCPU that does not run completes is no more than it can, whatever the disk could do.
TEST(StorageLimit, IsNoMoreThanInformationWhereVcpusHadNoTime) {
  const auto without_time = [](std::optional<CpuShare> stolen, std::optional<CpuShare> busiest) {
    Case load = limited(16'000, kVaried, 0.006);
    load.measured.stolen = stolen;
    load.measured.busiest_used = busiest;
    return load;
  };
  EXPECT_THAT(without_time(CpuShare{1, 0.09}, CpuShare{2, 0.9}).found(), ElementsAre("storage_limit warning"));
  const Found stolen = without_time(CpuShare{1, 0.31}, {}).only();
  EXPECT_EQ(stolen.severity, Severity::kInfo);
  EXPECT_THAT(stolen.evidence,
              AllOf(Contains("In this time the host did not run vCPU 1 for 31 % of it (steal): what completes may wait "
                             "for that, and not for the disk, so this is no more than information."),
                    Contains(HasSubstr("The rate stood at 16,000 requests/s")), Not(Contains(HasSubstr("limit is"))),
                    Not(Contains("More vCPUs do not help."))));
  const Found full = without_time({}, CpuShare{2, 0.98}).only();
  EXPECT_EQ(full.severity, Severity::kInfo);
  EXPECT_THAT(full.evidence,
              Contains(HasSubstr("vCPU 2, which the requests come from or interrupt, was busy for 98 %")));
  Case slow = limited(3'000, std::vector<double>(10, 64.0), 0.021);
  slow.measured.stolen = CpuShare{0, 0.5};
  EXPECT_THAT(slow.found(), ElementsAre("slow_at_device info"));
}

TEST(StorageLimit, TakesNoBlameFromTheLayoutWhereVcpusHadNoTime) {
  Case load = limited(16'000, kSame, 0.008, 1);
  load.interrupts({160'000, 0, 0, 0});
  EXPECT_THAT(load.found(), ElementsAre("single_queue info", "storage_limit warning"));
  load.measured.stolen = CpuShare{1, 0.31};
  EXPECT_THAT(load.found(), ElementsAre("single_queue warning", "storage_limit info"));
}

TEST(CpuTime, OfTheOneThatTheHostTookMostFromAndOfTheBusiestThatIsUsed) {
  const std::vector<CpuTime> times = {{1'000, 20, 500}, {1'000, 310, 10}, {1'000, 0, 600}, {100, 90, 0}};
  EXPECT_EQ(most_stolen(times), (CpuShare{1, 0.31}));
  EXPECT_EQ(busiest_of(times, {5, 0, 7, 9}), (CpuShare{0, 0.5})) << "of 100 ticks nothing is said";
  EXPECT_EQ(busiest_of({{1'000, 0, {}}}, {5}), std::nullopt) << "as from an older recording";
  EXPECT_EQ(most_stolen({}), std::nullopt);
}

TEST(CpuTime, IsFullWithWorkForMoreThanNineteenTwentieths) {
  const auto full = full_cpus({{1'000, 20, 40}, {1'000, 0, 60}, {49, 0, 0}, {1'000, 0, {}}});
  ASSERT_TRUE(full);
  ASSERT_EQ(full->size(), 1U);
  EXPECT_EQ(full->front().cpu, 0U);
  EXPECT_NEAR(full->front().busy, 0.94, 1e-9);
  EXPECT_NEAR(full->front().stolen, 0.02, 1e-9);
  EXPECT_EQ(full_cpus({{49, 0, 0}, {1'000, 0, {}}}), std::nullopt) << "half a second at least, and idleness known";
}

TEST(StorageLimit, TellsOfFullQueuesAndRequeuesWhatTheyComeTo) {
  Case load = limited(16'000, kVaried, 0.006);
  for (QueueLoad& queue : load.measured.queues) queue.full_share = 1;
  load.measured.requeues = 16'000;
  EXPECT_THAT(load.found(), ElementsAre("requeues info", "storage_limit warning"));
}

// Readings every tenth of a second, and once a second, of the same load.
TEST(Course, HasSlicesOfAboutASecondHoweverOftenItIsRead) {
  Topology topology;
  Disk vda;
  vda.name = "vda";
  topology.disks.push_back(vda);
  for (const std::uint64_t tick : {100'000'000ULL, 1'000'000'000ULL}) {
    Course course;
    Snapshot snapshot;
    for (std::uint64_t at = 0; at <= 3'400'000'000; at += tick) {
      QueueCounters queue;
      queue.origins = {{at / 1'000'000, 0, 0}};  // 1,000 requests/s of 4 KiB, 2 ms each
      queue.bytes = 4096 * (at / 1'000'000);
      queue.device_ns = queue.inflight_ns = 2 * at;
      queue.inflight = 2;
      snapshot.time_ns = 5'000'000'000 + at;
      snapshot.devices = {DeviceSnapshot{"vda", 0, {{queue}}, {}, {}, {}, {}}};
      course.add(topology, snapshot);
    }
    const auto slices = course.slices(snapshot.devices.front());
    ASSERT_EQ(slices.size(), 3U);
    EXPECT_EQ(slices[1].seconds, 1);
    EXPECT_EQ(slices[1].requests, 1'000);
    EXPECT_EQ(slices[1].bytes, 4'096'000);
    EXPECT_EQ(slices[1].device_seconds, 2);
    EXPECT_EQ(slices[1].inflight, 2);
    EXPECT_EQ(slices[1].unrest, 0);
    course.restart();
    EXPECT_THAT(course.slices(snapshot.devices.front()), IsEmpty());
  }
}

TEST(Course, TellsOfEachOfSeveralQueues) {
  Topology topology;
  topology.disks.emplace_back().name = "vda";
  Course course;
  Snapshot snapshot;
  for (const std::uint64_t second : {0ULL, 1ULL, 2ULL}) {
    QueueCounters busy, idle;
    busy.origins = {{1'000 * second, 0, 0}};
    snapshot.time_ns = 1'000'000'000 * (second + 1);
    snapshot.devices = {DeviceSnapshot{"vda", 0, {{busy, idle}}, {}, {}, {}, {}}};
    course.add(topology, snapshot);
  }
  const auto slices = course.slices(snapshot.devices.front());
  ASSERT_EQ(slices.size(), 2U);
  EXPECT_THAT(slices.back().queue_requests, ElementsAre(1'000, 0));
  // Of the second in which it got another number of queues nothing is told of each.
  snapshot.time_ns += 1'000'000'000;
  snapshot.devices.front().queues->pop_back();
  course.add(topology, snapshot);
  EXPECT_THAT(course.slices(snapshot.devices.front()).back().queue_requests, IsEmpty());
}

TEST(Course, HasTheSameSlicesOfReadingsWithAndWithoutHistograms) {
  OpCounters reads;
  reads.bytes = 8192;
  QueueCounters queue;
  queue.ops[VQS_READ].emplace() = reads;
  const DeviceSnapshot full{"vda", 0, {{queue}}, {}, {}, {}, {}};
  EXPECT_EQ(bytes_of(full.queues->front()), 8192U);
  EXPECT_EQ(bytes_of(without_histograms(full).queues->front()), 8192U);
}

}  // namespace
}  // namespace vqscope
