// SPDX-License-Identifier: Apache-2.0
// Every finding: when it holds, when it does not, its boundaries, and what is absent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "agent/diagnosis/diagnosis.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/model/buckets.h"
#include "agent/model/model.h"
#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

// A guest with one disk and what it did in 10 s.
struct Case {
  Topology topology;
  Measured measured;

  [[nodiscard]] Disk& disk() { return topology.disks.front(); }

  Case& cpus(std::uint32_t count) {
    topology.online_cpus.clear();
    for (std::uint32_t cpu = 0; cpu < count; ++cpu) topology.online_cpus.push_back(cpu);
    topology.possible_cpus = count;
    return *this;
  }

  // Virtio queues that share the vCPUs evenly, each with a line of its own.
  Case& queues(std::uint32_t count) {
    disk().queues.clear();
    disk().interrupts.clear();
    for (std::uint32_t q = 0; q < count; ++q) {
      disk().queues.push_back({q, {}, 128});
      disk().interrupts.push_back({30 + q, q, "virtio1-req." + std::to_string(q)});
    }
    measured.queues.resize(count);
    return *this;
  }

  // Completed requests in 10 s, by CPU.
  Case& requests(std::vector<std::uint64_t> by_cpu) {
    measured.submissions = std::move(by_cpu);
    std::uint64_t total = 0;
    for (const std::uint64_t count : measured.submissions) total += count;
    measured.requests_rate = static_cast<double>(total) / measured.seconds;
    measured.submission_cpus = effective_number(measured.submissions);
    return *this;
  }

  Case& interrupts(std::vector<std::uint64_t> by_cpu) {
    measured.interrupts = std::move(by_cpu);
    std::uint64_t total = 0;
    for (const std::uint64_t count : measured.interrupts) total += count;
    measured.interrupts_rate = static_cast<double>(total) / measured.seconds;
    measured.interrupt_share = concentration(measured.interrupts);
    return *this;
  }

  Case& latency(std::size_t op, double device_seconds, double queue_seconds, std::uint64_t count) {
    add(measured.ops[op].device, device_seconds, count);
    add(measured.ops[op].queue, queue_seconds, count);
    return *this;
  }

  static void add(Histogram& histogram, double seconds, std::uint64_t count) {
    const auto ns = static_cast<std::uint64_t>(seconds * 1e9);
    int index = VQS_FIRST_INDEX;
    while (upper_bound_ns(index) < ns) ++index;
    histogram.add(static_cast<std::size_t>(index - VQS_FIRST_INDEX + 1), count);
    histogram.sum_ns += ns * count;
  }

  [[nodiscard]] std::vector<Finding> findings() const {
    return find_all(DiskEvidence{topology, topology.disks.front(), measured});
  }

  // "single_queue critical", ...
  [[nodiscard]] std::vector<std::string> found() const {
    std::vector<std::string> names;
    for (const Finding& finding : findings())
      names.push_back(std::string(finding.kind->id) + " " + std::string(name_of(finding.found.severity)));
    return names;
  }

  [[nodiscard]] Found only() const {
    const auto all = findings();
    EXPECT_EQ(all.size(), 1U) << ::testing::PrintToString(found());
    return all.empty() ? Found{} : all.front().found;
  }
};

// A virtio-blk disk of a QEMU guest.
Case disk(std::uint32_t queues, std::uint32_t cpus) {
  Case result;
  result.topology.vmm = "qemu";
  Disk vda;
  vda.name = "vda";
  vda.driver = "virtio_blk";
  vda.transport = "virtio-pci";
  vda.bus_id = "0000:00:02.0";
  vda.scheduler = "none";
  vda.nr_requests = 128;
  vda.virtio = VirtioDevice{1, 0};
  result.topology.disks.push_back(vda);
  result.measured.seconds = 10;
  result.measured.has_requests = true;
  return result.queues(queues).cpus(cpus);
}

TEST(Findings, AnIdleDiskWithAQueueForEachCpuHasNone) { EXPECT_THAT(disk(4, 4).found(), IsEmpty()); }

TEST(Findings, ABusyBalancedDiskHasNone) {
  EXPECT_THAT(disk(4, 4).requests({90'000, 90'000, 90'000, 90'000}).interrupts({9'000, 9'000, 9'000, 9'000}).found(),
              IsEmpty());
}

TEST(Findings, AGuestWithOneCpuHasNoneAboutQueues) {
  EXPECT_THAT(disk(1, 1).requests({900'000}).interrupts({90'000}).found(), IsEmpty());
}

TEST(Findings, WithoutTheBlockProbeOnlyFactsAreTold) {
  Case absent = disk(1, 4);
  absent.measured.has_requests = false;
  absent.interrupts({90'000, 0, 0, 0});
  EXPECT_THAT(absent.found(), ElementsAre("fewer_queues_than_vcpus info"));
}

TEST(SingleQueue, HoldsWhenSeveralCpusSubmitAndOneIsInterrupted) {
  Case single = disk(1, 4).requests({5'000, 5'000, 5'000, 5'000}).interrupts({0, 2'000, 0, 0});
  single.measured.cross_share = 0.75;
  const Found found = single.only();
  EXPECT_EQ(found.severity, Severity::kWarning);
  EXPECT_EQ(found.remedy, Remedy::kMoreQueues);
  EXPECT_THAT(found.evidence, ElementsAre("vda has 1 queue for 4 online vCPUs.",
                                          "2,000 requests/s come from vCPU 0 (25 %), vCPU 1 (25 %), vCPU 2 (25 %), "
                                          "vCPU 3 (25 %).",
                                          "Its 200 interrupts/s land on vCPU 1 (100 %).",
                                          "75 % of the requests were submitted on another vCPU than the one that is "
                                          "interrupted for them."));
  EXPECT_THAT(found.numbers, Contains(std::pair<std::string, double>("irq_busiest_cpu", 1)));
}

TEST(SingleQueue, IsCriticalFromTheHeavyRate) {
  EXPECT_THAT(disk(1, 2).requests({100'000, 99'990}).interrupts({100, 0}).found(), ElementsAre("single_queue warning"));
  EXPECT_THAT(disk(1, 2).requests({100'000, 100'000}).interrupts({100, 0}).found(),
              ElementsAre("single_queue critical"));
}

TEST(SingleQueue, DoesNotHoldBelowTheRate) {
  EXPECT_THAT(disk(1, 2).requests({5'000, 4'990}).interrupts({100, 0}).found(),
              ElementsAre("fewer_queues_than_vcpus info"));
  EXPECT_THAT(disk(1, 2).requests({5'000, 5'000}).interrupts({100, 0}).found(), ElementsAre("single_queue warning"));
}

TEST(SingleQueue, DoesNotHoldWhenOneCpuSubmits) {
  EXPECT_THAT(disk(1, 2).requests({500'000, 0}).interrupts({100, 0}).found(),
              UnorderedElementsAre("workload_on_one_vcpu info", "fewer_queues_than_vcpus info"));
  // 10 % of a second vCPU are one vCPU, 12 % are two.
  EXPECT_THAT(disk(1, 2).requests({90'000, 10'000}).interrupts({100, 0}).found(),
              Contains("workload_on_one_vcpu info"));
  EXPECT_THAT(disk(1, 2).requests({88'000, 12'000}).interrupts({100, 0}).found(), ElementsAre("single_queue warning"));
}

TEST(SingleQueue, DoesNotHoldWhenInterruptsAreSpread) {
  EXPECT_THAT(disk(1, 2).requests({50'000, 50'000}).interrupts({80, 20}).found(),
              ElementsAre("fewer_queues_than_vcpus warning"));
}

// What was not seen is not judged as the worst case.
TEST(SingleQueue, DoesNotHoldWhenWhereInterruptsLandIsNotKnown) {
  const Case unseen = disk(1, 2).requests({50'000, 50'000});
  EXPECT_THAT(unseen.found(), ElementsAre("fewer_queues_than_vcpus warning"));
  EXPECT_THAT(unseen.only().evidence, Contains("Which vCPU takes its interrupts could not be seen."));
}

TEST(SingleQueue, TellsWhatTheHostOffered) {
  Case single = disk(1, 2).requests({50'000, 50'000}).interrupts({100, 0});
  single.disk().facts = {bit(28), 2, std::nullopt, std::nullopt};
  EXPECT_THAT(single.only().evidence,
              Contains("The host did not offer more than one queue (virtio feature 12, MQ, is not set)."));
}

TEST(SingleQueue, IsNotToldOfEmulatedOrVirtualDisks) {
  Case loop = disk(1, 2).requests({50'000, 50'000}).interrupts({100, 0});
  loop.disk().transport = "virtual";
  EXPECT_THAT(loop.found(), IsEmpty());
  Case sata = disk(1, 2).requests({50'000, 50'000}).interrupts({100, 0});
  sata.disk().transport = "ata";
  sata.disk().driver = "ahci";
  EXPECT_THAT(sata.found(), ElementsAre("emulated_bus warning"));
}

TEST(FewerQueues, IsAWarningWhenThreeBusyCpusShareTwoQueues) {
  EXPECT_THAT(disk(2, 4).requests({9'000, 9'000, 9'000, 0}).interrupts({50, 50, 0, 0}).found(),
              ElementsAre("fewer_queues_than_vcpus warning"));
  EXPECT_THAT(disk(2, 4).requests({9'000, 9'000, 5'000, 0}).interrupts({50, 50, 0, 0}).found(),
              ElementsAre("fewer_queues_than_vcpus info"));
}

TEST(FewerQueues, IsInfoWhenIdle) { EXPECT_THAT(disk(2, 4).found(), ElementsAre("fewer_queues_than_vcpus info")); }

TEST(HotpluggedVcpus, ExplainsWhyThereAreFewerQueues) {
  Case late = disk(2, 4);
  late.topology.guest.late_cpus = {2, 3};
  EXPECT_THAT(late.found(), ElementsAre("hotplugged_vcpus info"));
  EXPECT_THAT(late.only().evidence.back(), HasSubstr("came after boot: 2 3."));
  late.topology.guest.late_cpus = {3};  // there was a shortage at boot already
  EXPECT_THAT(late.found(), ElementsAre("fewer_queues_than_vcpus info"));
}

TEST(GuestLimitsQueues, HoldsWhenTheParameterIsTheLimitAndTheHostOffersMore) {
  Case limited = disk(1, 4).requests({9'000, 9'000, 9'000, 9'000}).interrupts({900, 0, 0, 0});
  limited.topology.guest.limits.virtio_blk_queues = 1;
  limited.disk().facts = {bit(12) | bit(28), 5, std::nullopt, std::nullopt};
  EXPECT_THAT(limited.found(), ElementsAre("single_queue warning", "guest_limits_queues warning"));
  for (const Finding& finding : limited.findings()) EXPECT_EQ(finding.found.remedy, Remedy::kLiftGuestLimit);

  limited.disk().facts.virtio_features = bit(28);  // the host offered one
  EXPECT_THAT(limited.found(), ElementsAre("single_queue warning"));
  EXPECT_EQ(limited.only().remedy, Remedy::kMoreQueues);
  limited.disk().facts = {bit(12) | bit(28), 2, std::nullopt, std::nullopt};  // and prepared one
  EXPECT_THAT(limited.found(), ElementsAre("single_queue warning"));
}

TEST(GuestLimitsQueues, SaysThatTheCommandLineSetsIt) {
  Case limited = disk(1, 4);
  limited.topology.guest.limits.virtio_blk_queues = 1;
  limited.topology.guest.command_line = "quiet virtio_blk.num_request_queues=1";
  EXPECT_THAT(
      limited.only().evidence,
      Contains("The module parameter virtio_blk.num_request_queues is 1. The kernel command line (/proc/cmdline) "
               "sets it."));
  EXPECT_THAT(limited.only().evidence,
              Contains("How many queues the host prepared could not be read, which takes root."));
  EXPECT_EQ(limited.only().severity, Severity::kInfo);
}

TEST(GuestLimitsQueues, CountsPolledQueues) {
  Case polled = disk(4, 4).requests({9'000, 9'000, 9'000, 9'000}).interrupts({900, 0, 0, 0});
  for (std::size_t q = 1; q < 4; ++q) polled.disk().queues[q].type = QueueType::kPoll;
  polled.disk().interrupts.resize(1);
  EXPECT_THAT(polled.found(), ElementsAre("single_queue warning", "guest_limits_queues warning"));
}

TEST(SharedVector, HoldsWhenALineServesSeveralQueues) {
  Case shared = disk(4, 4);
  shared.disk().interrupts = {{31, std::nullopt, "virtio1-virtqueues"}};
  EXPECT_THAT(shared.found(), ElementsAre("shared_vector info"));
  shared.requests({9'000, 9'000, 9'000, 9'000}).interrupts({900, 0, 0, 0});
  shared.measured.cross_share = 0.75;
  EXPECT_THAT(shared.found(), ElementsAre("shared_vector warning"));
  shared.disk().virtio.reset();
  shared.disk().driver = "mpt3sas";  // names no queues
  EXPECT_THAT(shared.found(), Not(Contains(HasSubstr("shared_vector"))));
}

TEST(IrqConcentrated, HoldsWithSeveralQueuesAndLines) {
  const auto concentrated = [](std::vector<std::uint64_t> interrupts) {
    Case result = disk(4, 4).requests({9'000, 9'000, 9'000, 9'000}).interrupts(std::move(interrupts));
    result.measured.cross_share = 0.75;
    return result.found();
  };
  EXPECT_THAT(concentrated({9'000, 0, 0, 1'000}), ElementsAre("irq_concentrated warning"));
  EXPECT_THAT(concentrated({8'900, 0, 0, 1'100}), ElementsAre("cross_cpu_completions warning"));
  EXPECT_THAT(concentrated({999, 0, 0, 0}), ElementsAre("cross_cpu_completions warning"));  // too few to judge
  EXPECT_THAT(disk(4, 4).requests({90'000, 0, 0, 0}).interrupts({9'000, 0, 0, 0}).found(),
              ElementsAre("workload_on_one_vcpu info"));
}

TEST(CrossCpuCompletions, NeedsAQueueForEachCpu) {
  Case crossing = disk(4, 4).requests({9'000, 9'000, 9'000, 9'000}).interrupts({90, 90, 90, 90});
  crossing.measured.cross_share = 0.49;
  EXPECT_THAT(crossing.found(), IsEmpty());
  crossing.measured.cross_share = 0.5;
  EXPECT_THAT(crossing.found(), ElementsAre("cross_cpu_completions warning"));
  crossing.requests({9'000, 9'000, 9'000, 0});
  EXPECT_THAT(crossing.queues(3).found(), ElementsAre("fewer_queues_than_vcpus info"));
}

TEST(QueueFull, HoldsFromAShareOfTheTime) {
  Case full = disk(4, 4).requests({9'000, 9'000, 9'000, 9'000});
  full.measured.queues[2].full_share = 0.24;
  EXPECT_THAT(full.found(), IsEmpty());
  full.measured.queues[2].full_share = 0.25;
  full.measured.queues[2].average_inflight = 101;
  EXPECT_THAT(full.only().evidence,
              ElementsAre("Queue 2 of vda holds 128 requests at the most and was full for 25 % of "
                          "the time; on average 101 were in flight."));
  full.disk().nr_requests = 8;  // a toy of a queue is always full
  EXPECT_THAT(full.found(), IsEmpty());
  full.disk().nr_requests = 128;
  full.requests({900, 0, 0, 0});
  EXPECT_THAT(full.found(), IsEmpty());
}

TEST(StuckRequest, HoldsByAgeAtAnyRate) {
  Case stuck = disk(4, 4);
  stuck.measured.inflight = 3;
  stuck.measured.oldest_seconds = 4.9;
  EXPECT_THAT(stuck.found(), IsEmpty());
  stuck.measured.oldest_seconds = 5;
  EXPECT_THAT(stuck.found(), ElementsAre("stuck_request warning"));
  stuck.measured.oldest_seconds = 31;
  EXPECT_EQ(stuck.only().severity, Severity::kCritical);
  EXPECT_THAT(stuck.only().evidence,
              ElementsAre("The oldest request at vda has been there for 31 s; 3 requests in flight."));
}

TEST(IoErrors, AreCriticalForDataAndInfoForDiscards) {
  Case failing = disk(4, 4);
  failing.measured.ops[VQS_DISCARD].errors = 2;
  EXPECT_THAT(failing.found(), ElementsAre("io_errors info"));
  failing.measured.ops[VQS_WRITE].errors = 1;
  EXPECT_EQ(failing.only().severity, Severity::kCritical);
  EXPECT_THAT(failing.only().evidence,
              ElementsAre("1 write request of vda failed.", "2 discard requests of vda failed."));
}

TEST(Requeues, NeedARateAndAShare) {
  Case requeued = disk(4, 4).requests({25'000, 25'000, 25'000, 25'000});
  requeued.measured.requeues = 990;
  EXPECT_THAT(requeued.found(), IsEmpty());
  requeued.measured.requeues = 1'000;
  EXPECT_THAT(requeued.found(), ElementsAre("requeues warning"));
  requeued.requests({10, 0, 0, 0});
  requeued.measured.requeues = 99;
  EXPECT_THAT(requeued.found(), IsEmpty());
}

TEST(Requeues, AreExplainedByMissingIndirectDescriptors) {
  Case requeued = disk(4, 4).requests({25'000, 25'000, 25'000, 25'000});
  requeued.measured.requeues = 2'000;
  requeued.disk().facts.virtio_features = bit(12);
  EXPECT_THAT(requeued.found(), ElementsAre("requeues warning", "indirect_descriptors_off info"));
  EXPECT_THAT(requeued.findings()[0].found.evidence.back(), HasSubstr("Indirect descriptors are off"));
}

TEST(HostLatency, HoldsWhenTheTailIsFarFromTheMedianAndTheHostDominates) {
  const auto tail = [](double median, double slow, std::uint64_t slow_count, double queued) {
    return disk(4, 4).latency(VQS_READ, median, queued, 980).latency(VQS_READ, slow, queued, slow_count).found();
  };
  EXPECT_THAT(tail(200e-6, 20e-3, 20, 1e-6), ElementsAre("host_latency warning"));
  EXPECT_THAT(tail(200e-6, 20e-3, 5, 1e-6), IsEmpty());     // p99 is not slow, and too few requests
  EXPECT_THAT(tail(200e-6, 1.9e-3, 20, 1e-6), IsEmpty());   // not ten times
  EXPECT_THAT(tail(20e-6, 2e-3, 20, 1e-6), IsEmpty());      // nobody feels it
  EXPECT_THAT(tail(200e-6, 20e-3, 20, 500e-6), IsEmpty());  // the guest takes its share
}

TEST(HostLatency, JudgesReadsAndWritesApartAndLeavesFlushesAlone) {
  EXPECT_THAT(disk(4, 4).latency(VQS_READ, 100e-6, 0, 5'000).latency(VQS_WRITE, 30e-3, 0, 5'000).found(), IsEmpty());
  EXPECT_THAT(disk(4, 4).latency(VQS_FLUSH, 100e-6, 0, 900).latency(VQS_FLUSH, 30e-3, 0, 200).found(), IsEmpty());
}

TEST(GuestLatency, HoldsWhenWaitingInsideDominates) {
  Case waiting = disk(4, 4).latency(VQS_WRITE, 400e-6, 1.1e-3, 1'000);
  waiting.disk().scheduler = "mq-deadline";
  waiting.disk().facts.wbt_lat_usec = 75'000;
  EXPECT_THAT(waiting.only().evidence,
              ElementsAre("A write waits 1.1 ms inside this guest before it is handed to the host, and 400 us there.",
                          "The elevator is mq-deadline.", "Writeback throttling aims at 75 ms."));
  EXPECT_THAT(disk(4, 4).latency(VQS_WRITE, 400e-6, 1.1e-3, 999).found(), IsEmpty());
  EXPECT_THAT(disk(4, 4).latency(VQS_WRITE, 400e-6, 0.9e-3, 1'000).found(), IsEmpty());
  EXPECT_THAT(disk(4, 4).latency(VQS_WRITE, 1.3e-3, 1.1e-3, 1'000).found(), IsEmpty());
}

TEST(GuestLatency, IsNotToldWhenTheQueueIsFull) {
  Case full = disk(4, 4).requests({9'000, 9'000, 9'000, 9'000}).latency(VQS_WRITE, 400e-6, 5e-3, 9'000);
  full.measured.queues[0].full_share = 1;
  EXPECT_THAT(full.found(), ElementsAre("queue_full warning"));
}

TEST(EmulatedBus, IsAFactOfGuestsOnly) {
  Case sata = disk(1, 4);
  sata.disk().transport = "ata";
  sata.disk().driver = "ahci";
  EXPECT_THAT(sata.found(), ElementsAre("emulated_bus info"));
  EXPECT_THAT(sata.requests({1'000, 0, 0, 0}).found(), ElementsAre("emulated_bus warning"));
  sata.disk().name = "sr0";  // a CD-ROM drive
  EXPECT_THAT(sata.found(), IsEmpty());
  sata.disk().name = "sda";
  sata.topology.vmm = "";
  EXPECT_THAT(sata.found(), Not(Contains(HasSubstr("emulated_bus"))));
  Case scsi = disk(1, 4);
  scsi.disk().virtio.reset();
  scsi.disk().transport = "scsi";
  scsi.disk().driver = "sym53c8xx";
  EXPECT_THAT(scsi.found(), ElementsAre("emulated_bus info"));
}

TEST(ElevatorOnFastDisk, NeedsABusyFastDisk) {
  const auto with = [](const char* elevator, double seconds, std::uint64_t count) {
    Case result = disk(4, 4).requests({count, count, count, count}).latency(VQS_READ, seconds, 0, 4 * count);
    result.disk().scheduler = elevator;
    return result.found();
  };
  EXPECT_THAT(with("mq-deadline", 100e-6, 9'000), ElementsAre("elevator_on_fast_disk info"));
  EXPECT_THAT(with("bfq", 100e-6, 9'000), ElementsAre("elevator_on_fast_disk warning"));
  EXPECT_THAT(with("none", 100e-6, 9'000), IsEmpty());
  EXPECT_THAT(with("", 100e-6, 9'000), IsEmpty());
  EXPECT_THAT(with("bfq", 1e-3, 9'000), IsEmpty());
  EXPECT_THAT(with("bfq", 100e-6, 2'000), IsEmpty());
}

TEST(IndirectDescriptorsOff, IsAFactWhereFeaturesAreKnown) {
  Case off = disk(4, 4);
  off.disk().facts.virtio_features = bit(12);
  EXPECT_THAT(off.found(), ElementsAre("indirect_descriptors_off info"));
  off.disk().facts.virtio_features = bit(12) | bit(28);
  EXPECT_THAT(off.found(), IsEmpty());
}

TEST(Steal, IsJudgedByTheWorstCpu) {
  const Topology topology = disk(4, 4).topology;
  const auto found = [&](std::vector<CpuTime> times) { return find_all(GuestEvidence{topology, times}); };
  EXPECT_THAT(found({}), IsEmpty());
  EXPECT_THAT(found({{1'000, 99}, {1'000, 0}}), IsEmpty());
  EXPECT_THAT(found({{199, 199}}), IsEmpty());  // too short
  const auto steal = found({{1'000, 100}, {1'000, 0}});
  ASSERT_EQ(steal.size(), 1U);
  EXPECT_EQ(steal[0].kind->id, "steal");
  EXPECT_EQ(steal[0].device, "");
  EXPECT_EQ(steal[0].found.severity, Severity::kWarning);
  EXPECT_THAT(steal[0].found.evidence, ElementsAre("vCPU 0 was ready to run and not run by the host for 10 % of the "
                                                   "time; over all vCPUs it was 5 %."));
  EXPECT_EQ(found({{1'000, 0}, {1'000, 300}}).at(0).found.severity, Severity::kCritical);
}

TEST(FindingTable, HasUniqueIdsAndOneFunctionEach) {
  std::set<std::string_view> ids;
  for (const FindingKind& kind : finding_kinds()) {
    EXPECT_TRUE(ids.insert(kind.id).second) << kind.id;
    EXPECT_NE(kind.of_disk == nullptr, kind.of_guest == nullptr) << kind.id;
    EXPECT_FALSE(kind.title.empty()) << kind.id;
    EXPECT_TRUE(kind.explanation.ends_with('.') || kind.explanation.ends_with(')')) << kind.id;
    EXPECT_GE(kind.raise_after, 1U) << kind.id;
  }
}

TEST(FindingTable, IsDocumentedSectionBySection) {
  const std::string page = test::read_fixture("../../agent/diagnosis/FINDINGS.md");
  for (const FindingKind& kind : finding_kinds()) EXPECT_THAT(page, HasSubstr("\n## " + std::string(kind.id) + "\n"));
}

}  // namespace
}  // namespace vqscope
