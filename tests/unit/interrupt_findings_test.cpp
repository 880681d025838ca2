// SPDX-License-Identifier: Apache-2.0
// Findings about interrupts: lines that several queues share, and which vCPUs submit and are interrupted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/disk_case.h"

namespace vqscope {
namespace {

using test::Case;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr auto& disk = test::loaded_disk;

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

TEST(IrqConcentrated, IsNotToldWhereOneQueueInterrupts) {
  Case one_of_two = disk(2, 4).requests({20'000, 20'000, 0, 0}).interrupts({9'000, 0, 0, 0});
  EXPECT_THAT(one_of_two.found(), Contains("irq_concentrated warning"));
  one_of_two.measured.queues[1].interrupts = {1, 0, 0, 0};  // a stray one
  EXPECT_THAT(one_of_two.found(), ElementsAre("fewer_queues_than_vcpus info"));
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

TEST(CrossCpuCompletions, OfFewerQueuesAreThoseWhoseInterruptLandsOnAVcpuOfAnother) {
  Case crossing = disk(2, 4).requests({150'000, 150'000, 0, 0});
  crossing.disk().queues[0].cpus = {0, 1};
  crossing.disk().queues[1].cpus = {2, 3};
  crossing.interrupts({0, 0, 0, 90'000});
  crossing.measured.queues[1].interrupts = {};
  crossing.measured.cross_share = 1;
  EXPECT_THAT(crossing.found(), UnorderedElementsAre("fewer_queues_than_vcpus info", "cross_cpu_completions warning"));
  EXPECT_THAT(
      crossing.findings().back().found.evidence,
      Contains("100 % of the 30,000 requests/s that ended by an interrupt were submitted on another vCPU than the "
               "one that was interrupted for them, because 100 % of the interrupts land on a vCPU that their "
               "queue does not serve."));
  crossing.requests({300'000, 0, 0, 0});
  EXPECT_THAT(crossing.found(), Contains("cross_cpu_completions warning"));
  EXPECT_THAT(crossing.found(), Not(Contains(HasSubstr("submitter_off_interrupt_vcpu"))))
      << "on vCPU 3 it would submit through the other queue";
  crossing.interrupts({0, 90'000, 0, 0});
  crossing.measured.queues[1].interrupts = {};
  EXPECT_THAT(crossing.found(), Not(Contains(HasSubstr("cross_cpu_completions"))));
}

TEST(CrossCpuCompletions, CountOnlyRequestsThatAnInterruptEnded) {
  Case polled = disk(4, 4).requests({150'000, 150'000, 150'000, 150'000}).interrupts({900, 900, 900, 900});
  polled.measured.cross_share = 1;
  polled.measured.interrupted_rate = 15'000;
  EXPECT_THAT(polled.findings().front().found.evidence,
              Contains(HasSubstr("100 % of the 15,000 requests/s that ended by an interrupt were")));
  polled.measured.interrupted_rate = 999;
  EXPECT_THAT(polled.found(), IsEmpty());
}

TEST(SubmitterOffInterruptVcpu, HoldsWhenOneVcpuSubmitsAndAnotherIsInterrupted) {
  Case off = disk(1, 2).requests({200'000, 0}).interrupts({0, 150'000});
  off.measured.cross_share = 0.998;
  EXPECT_THAT(off.found(), UnorderedElementsAre("fewer_queues_than_vcpus info", "workload_on_one_vcpu info",
                                                "submitter_off_interrupt_vcpu info"));
  const Found found = off.findings().back().found;
  EXPECT_EQ(found.remedy, Remedy::kMoveSubmitter);
  EXPECT_THAT(
      found.evidence,
      ElementsAre("20,000 requests/s come from vCPU 0 (100 %).", "Its 15,000 interrupts/s land on vCPU 1 (100 %).",
                  "> 99 % of the requests were submitted on another vCPU than the one that is interrupted for "
                  "them.",
                  "On vCPU 1 it would submit where it is interrupted.", HasSubstr("What that costs was not measured")));
  EXPECT_THAT(found.numbers, Contains(std::pair<std::string, double>("cross_cpu_ratio", 0.998)));
}

TEST(SubmitterOffInterruptVcpu, DoesNotHoldWithoutAMeasuredShareOrFromSeveralVcpusOrWhenIdle) {
  const auto id = Contains(HasSubstr("submitter_off_interrupt_vcpu"));
  Case off = disk(1, 2).requests({200'000, 0}).interrupts({0, 150'000});
  EXPECT_THAT(off.found(), Not(id));  // completions were not seen
  off.measured.cross_share = 0.49;
  EXPECT_THAT(off.found(), Not(id));
  off.measured.cross_share = 0.5;
  EXPECT_THAT(off.found(), id);
  EXPECT_THAT(Case(off).requests({100'000, 100'000}).found(), Not(id));
  EXPECT_THAT(Case(off).requests({9'000, 0}).found(), Not(id));
  EXPECT_THAT(Case(off).interrupts({50'000, 100'000}).found(), Not(id));  // no one vCPU to move to
  EXPECT_THAT(Case(off).interrupts({0, 0}).found(), Not(id));
}

TEST(SubmitterOffInterruptVcpu, LeavesAQueueForEachVcpuToCrossCpuCompletions) {
  Case crossing = disk(2, 2).requests({200'000, 0}).interrupts({0, 150'000});
  crossing.measured.cross_share = 1;
  EXPECT_THAT(crossing.found(), UnorderedElementsAre("cross_cpu_completions warning", "workload_on_one_vcpu info"));
}

// What was not measured of it is not taken for much where hardly one request is in flight.
TEST(Crossing, IsInformationWhereRequestsHardlyMeet) {
  const std::string few =
      "With 0.9 in flight or waiting in this guest on average requests hardly meet each other, so that what was not "
      "measured makes this no warning.";
  for (const auto& interrupts : {std::vector<std::uint64_t>{9'000, 0, 0, 0}, {900, 900, 900, 900}}) {
    Case crossing = disk(4, 4).requests({9'000, 9'000, 9'000, 9'000}).interrupts(interrupts);
    crossing.measured.cross_share = 0.75;
    EXPECT_EQ(crossing.only().severity, Severity::kWarning);
    crossing.measured.average_inflight = 0.9;
    EXPECT_EQ(crossing.only().severity, Severity::kInfo);
    EXPECT_THAT(crossing.only().evidence, Contains(few));
    EXPECT_EQ(crossing.cost(0.12).only().severity, Severity::kWarning) << "measured";
    EXPECT_THAT(crossing.only().evidence, Not(Contains(few)));
  }
}

}  // namespace
}  // namespace vqscope
