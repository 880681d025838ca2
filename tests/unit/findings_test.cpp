// SPDX-License-Identifier: Apache-2.0
// Findings about queues, interrupts and how the disk and the guest are set up: when they hold, when they do not, their
// boundaries, and what is absent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "agent/diagnosis/remedies.h"
#include "tests/unit/disk_case.h"
#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using test::bit;
using test::Case;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// Requests meet each other.
Case disk(std::uint32_t queues, std::uint32_t cpus) {
  Case result = test::disk(queues, cpus);
  result.measured.average_inflight = 8;
  return result;
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
  Case single = disk(1, 4).requests({5'000, 5'000, 5'000, 5'000}).interrupts({0, 2'000, 0, 0}).inflight(12.3);
  single.measured.cross_share = 0.75;
  const Found found = single.only();
  EXPECT_EQ(found.severity, Severity::kWarning);
  EXPECT_EQ(found.remedy, Remedy::kMoreQueues);
  EXPECT_THAT(found.evidence, ElementsAre("vda has 1 queue for 4 online vCPUs.",
                                          "2,000 requests/s come from vCPU 0 (25 %), vCPU 1 (25 %), vCPU 2 (25 %), "
                                          "vCPU 3 (25 %).",
                                          "On average 12.3 were in flight and 0 waited in this guest.",
                                          "Its 200 interrupts/s land on vCPU 1 (100 %).",
                                          "75 % of the requests were submitted on another vCPU than the one that is "
                                          "interrupted for them.",
                                          "What that costs was not measured: no interrupt was traced together with a "
                                          "completion that it brought."));
  EXPECT_THAT(found.numbers, Contains(std::pair<std::string, double>("irq_busiest_cpu", 1)));
}

TEST(SingleQueue, IsAsSevereAsItsCost) {
  Case single = disk(1, 2).requests({400'000, 400'000}).interrupts({100, 0}).inflight(2);
  EXPECT_THAT(single.found(), ElementsAre("single_queue warning")) << "not measured";
  EXPECT_THAT(single.cost(0.09).found(), ElementsAre("single_queue info"));
  EXPECT_THAT(single.cost(0.1).found(), ElementsAre("single_queue warning"));
  EXPECT_THAT(single.cost(0.24).found(), ElementsAre("single_queue warning"));
  EXPECT_THAT(single.cost(0.25).found(), ElementsAre("single_queue critical"));
  EXPECT_THAT(single.cost(0, 0.89).found(), ElementsAre("single_queue info"));
  EXPECT_THAT(single.cost(0, 0.9).found(), ElementsAre("single_queue critical")) << "the vCPU is used up";
}

TEST(SingleQueue, TellsItsCostAndWhatIsNotKnownOfIt) {
  Case single = disk(1, 2).requests({400'000, 400'000}).interrupts({100, 0}).inflight(2).cost(0.04, 0.21);
  single.measured.cost->crossing_seconds = 0.02;
  EXPECT_THAT(single.only().evidence,
              IsSupersetOf({"In this guest that costs at most 6 % of the requests' time: completions wait for those of "
                            "other vCPUs' requests (4 %), they end on another vCPU than the one that submitted (2 %).",
                            "Completions take 21 % of the time of the vCPU that is busiest with them."}));
  EXPECT_THAT(single.only().numbers, Contains(std::pair<std::string, double>("queue_cost_ratio", 0.06)));
  EXPECT_THAT(single.only().evidence, Contains(HasSubstr("What it costs at the host")));

  single.measured.cost->lock_seconds.reset();
  EXPECT_EQ(single.only().severity, Severity::kWarning);
  EXPECT_THAT(
      single.only().evidence,
      Contains(
          "What that costs in this guest is known in part, because waits for locks were not measured: this kernel has "
          "told of none, or it is not known where they are. Of the requests' time at most: completions wait for "
          "those of other vCPUs' requests (4 %), they end on another vCPU than the one that submitted (2 %)."));
  EXPECT_THAT(single.only().numbers, Not(Contains(Field(&std::pair<std::string, double>::first, "queue_cost_ratio"))));

  EXPECT_THAT(single.cost(0).only().evidence, Contains("In this guest that costs nothing of the requests' time."));
}

TEST(SingleQueue, IsNotCriticalWithAboutOneRequestInFlight) {
  const Case single = disk(1, 2).requests({400'000, 400'000}).interrupts({100, 0}).inflight(1.9).cost(0.5);
  EXPECT_EQ(single.only().severity, Severity::kWarning);
  EXPECT_THAT(single.only().evidence,
              Contains("On average 1.9 were in flight and 0 waited in this guest, so hardly one waits for another."));
}

TEST(SingleQueue, IsCriticalWhenRequestsWaitInTheGuestBehindOneInFlight) {
  const Case single = disk(1, 2)
                          .requests({400'000, 400'000})
                          .interrupts({100, 0})
                          .inflight(1)
                          .cost(0.5)
                          .latency(VQS_READ, 12e-6, 90e-6, 800'000);
  EXPECT_THAT(single.found(), ElementsAre("single_queue critical"));
}

TEST(SingleQueue, IsNotCriticalWhereNobodyCanMendIt) {
  Case single = disk(1, 2).requests({400'000, 400'000}).interrupts({100, 0}).inflight(30).cost(0.5);
  single.topology.vmm = "firecracker";
  EXPECT_EQ(single.only().severity, Severity::kWarning);
  EXPECT_EQ(single.only().evidence.back(),
            "Firecracker gives a disk one queue, unless your version offers num_queues: this is information unless a "
            "measured cost "
            "says otherwise, and a warning at the most.");
  single.measured.cost.reset();
  EXPECT_EQ(single.only().severity, Severity::kInfo) << "not measured";
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
  Case one = disk(1, 2).requests({50'000, 50'000}).interrupts({100, 0});
  one.topology.guest.late_cpus = {1};
  EXPECT_THAT(one.found(), ElementsAre("hotplugged_vcpus warning")) << "and no second finding for the same";
  late.topology.guest.late_cpus = {3};  // there was a shortage at boot already
  EXPECT_THAT(late.found(), ElementsAre("fewer_queues_than_vcpus info"));
}

TEST(GuestLimitsQueues, HoldsWhenTheParameterIsTheLimitAndTheHostOffersMore) {
  Case limited = disk(1, 4).requests({9'000, 9'000, 9'000, 9'000}).interrupts({900, 0, 0, 0});
  limited.topology.guest.limits.virtio_blk_queues = 1;
  limited.disk().facts = {bit(12) | bit(28), 5, std::nullopt, std::nullopt};
  EXPECT_THAT(limited.found(), ElementsAre("guest_limits_queues warning"));
  EXPECT_EQ(limited.only().remedy, Remedy::kLiftGuestLimit);

  limited.disk().facts.virtio_features = bit(28);
  EXPECT_EQ(limited.only().remedy, Remedy::kMoreQueuesAndLiftLimit);
  EXPECT_THAT(limited.only().evidence, Contains(HasSubstr("The host is at a limit, too: it offers one queue.")));
  limited.disk().facts = {bit(12) | bit(28), 2, std::nullopt, std::nullopt};
  EXPECT_EQ(limited.only().remedy, Remedy::kMoreQueuesAndLiftLimit);
  EXPECT_THAT(limited.only().evidence, Contains(HasSubstr("The host is at a limit, too: there are no vectors")));
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

TEST(GuestLimitsQueues, KnowsTheLimitOfXensDriver) {
  Case xen = disk(4, 8).requests({9'000, 9'000, 9'000, 9'000, 9'000, 9'000, 9'000, 9'000}).interrupts({9, 9, 9, 9});
  xen.topology.vmm = "xen";
  xen.disk().driver = "vbd";
  xen.disk().transport = "xen";
  EXPECT_THAT(xen.found(), ElementsAre("fewer_queues_than_vcpus info")) << "no setting of Xen's host is known";
  xen.topology.guest.limits.xen_blkfront_queues = 8;
  EXPECT_THAT(xen.found(), ElementsAre("fewer_queues_than_vcpus info")) << "the host offered fewer";
  xen.topology.guest.limits.xen_blkfront_queues = 4;
  EXPECT_THAT(xen.found(), ElementsAre("fewer_queues_than_vcpus warning"))
      << "the driver's default, or the host's limit";
  EXPECT_THAT(xen.only().evidence, Contains(HasSubstr("takes 4 queues at the most unless it is told otherwise")));
  const Instructions remedy = instructions_for(xen.only().remedy, &xen.disk(), xen.topology, {});
  EXPECT_THAT(remedy.steps.back().text, HasSubstr("xen_blkfront.max_queues=8"));
  xen.topology.guest.command_line = "quiet xen_blkfront.max_queues=4";
  EXPECT_THAT(xen.found(), ElementsAre("guest_limits_queues warning"));

  Case late = disk(2, 4);
  late.topology.vmm = "xen";
  late.disk().transport = "xen";
  late.topology.guest.limits.xen_blkfront_queues = 2;  // as many as there were CPUs when the driver started
  late.topology.guest.late_cpus = {2, 3};
  EXPECT_THAT(late.found(), ElementsAre("hotplugged_vcpus info"));
  EXPECT_EQ(late.only().remedy, Remedy::kStartAnew);
}

TEST(GuestLimitsQueues, CountsPolledQueues) {
  Case polled = disk(4, 4).requests({9'000, 9'000, 9'000, 9'000}).interrupts({900, 0, 0, 0});
  for (std::size_t q = 1; q < 4; ++q) polled.disk().queues[q].type = QueueType::kPoll;
  polled.disk().interrupts.resize(1);
  polled.measured.has_requests = true;
  polled.measured.queues[0].submissions = polled.measured.submissions;
  EXPECT_THAT(polled.found(), ElementsAre("guest_limits_queues warning"));
}

TEST(GuestLimitsQueues, IsOnlyWorthKnowingWhereRequestsArePolled) {
  Case polled = disk(2, 2).requests({90'000, 90'000}).interrupts({100, 0});
  polled.disk().queues[1].type = QueueType::kPoll;
  polled.disk().interrupts.resize(1);
  polled.measured.has_requests = true;
  polled.measured.queues[1].submissions = polled.measured.submissions;
  polled.measured.queues[1].interrupts.clear();
  EXPECT_THAT(polled.found(), ElementsAre("guest_limits_queues info"));
  EXPECT_THAT(polled.only().evidence,
              Contains("1 queue is polled (module parameter virtio_blk.poll_queues): only requests that ask for it, as "
                       "by io_uring, go there, 18,000/s in this time."));
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

TEST(FewerQueues, TellsOfATableThatIsTooSmallForThoseThatThereAre) {
  Case scsi = disk(1, 4).requests({9'000, 9'000, 9'000, 9'000}).interrupts({900, 0, 0, 0});
  scsi.disk().virtio->first_request_queue = 2;
  scsi.disk().facts.msix_vectors = 2;
  EXPECT_THAT(scsi.findings().front().found.evidence,
              Contains("Its MSI-X table has 2 vectors; 4 are needed, of which three are for configuration changes, "
                       "control and events."));
  scsi.disk().facts.msix_vectors = 7;
  EXPECT_THAT(scsi.findings().front().found.evidence,
              Contains("Its MSI-X table has 7 vectors, of which three are for configuration changes, control and "
                       "events."));
}

TEST(FewerQueues, OfAnNvmeDriveWithOneVectorAreMissingWhereTheVectorIs) {
  const auto with = [](std::uint32_t queues, std::uint32_t vectors) {
    Case nvme = disk(queues, 4).requests({9'000, 9'000, 9'000, 9'000}).interrupts({900, 0, 0, 0});
    nvme.disk().driver = "nvme";
    nvme.disk().transport = "pci";
    nvme.disk().virtio.reset();
    nvme.disk().facts.msix_vectors = vectors;
    nvme.disk().facts.shares_admin_line = true;
    return nvme;
  };
  EXPECT_EQ(with(1, 65).findings().front().found.remedy, Remedy::kUseMsi) << "the table has more";
  EXPECT_EQ(with(1, 1).findings().front().found.remedy, Remedy::kMoreVectors);
  EXPECT_THAT(with(1, 65).findings().front().found.evidence, Contains(HasSubstr("the driver got one vector")));
  for (const Finding& finding : with(2, 65).findings())
    EXPECT_THAT(finding.found.evidence, Not(Contains(HasSubstr("the driver got one vector"))));
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

// Four vCPUs do 10,000 requests/s of 100 us each; the elevator's one lock was waited for so many times in 10 s, so
// long.
Case with_elevator_lock(std::uint64_t waits, double seconds, std::optional<std::uint64_t> longest_ns = {}) {
  Case result = disk(4, 4).requests({25'000, 25'000, 25'000, 25'000});
  result.disk().scheduler = "mq-deadline";
  result.measured.time.emplace();
  result.measured.time->requests = 100'000;
  result.measured.time->before_issue = 4;
  result.measured.time->at_device = 6;
  result.measured.locks = {{"queue", 0U, 0, 0, {}},
                           {"elevator", {}, waits, static_cast<std::uint64_t>(seconds * 1e9), longest_ns}};
  return result;
}

TEST(ElevatorLock, IsAsSevereAsTheShareOfTheRequestsTimeThatItIsWaitedFor) {
  EXPECT_THAT(with_elevator_lock(50'000, 0.09).found(), IsEmpty());
  EXPECT_THAT(with_elevator_lock(50'000, 0.1).found(), ElementsAre("elevator_lock info"));
  EXPECT_THAT(with_elevator_lock(50'000, 0.99).found(), ElementsAre("elevator_lock info"));
  EXPECT_THAT(with_elevator_lock(50'000, 1).found(), ElementsAre("elevator_lock warning"));
  EXPECT_THAT(with_elevator_lock(50'000, 2.5).found(), ElementsAre("elevator_lock critical"));
}

TEST(ElevatorLock, TellsWaitsShareMeanAndTheLongestApart) {
  const Found found = with_elevator_lock(50'001, 1.504, 4'000'000).only();
  EXPECT_EQ(found.remedy, Remedy::kSpareElevatorLock);
  EXPECT_THAT(
      found.evidence,
      ElementsAre(
          "The elevator of vda, mq-deadline, has one lock for the whole disk (4 queues), which 10,000 requests/s take.",
          "It was waited for 5,000 times a second, 30 us each on average: together 15 % of the requests' "
          "time, and 15 % of one vCPU's.",
          "The longest wait, which is not among these, took 4 ms: one of milliseconds is that of a vCPU "
          "that did not run."));
  EXPECT_THAT(found.numbers, Contains(std::pair<std::string, double>("lock_wait_longest_seconds", 0.004)));
}

TEST(ElevatorLock, IsNotBlamedForAFewWaitsOfVcpusThatDidNotRun) {
  EXPECT_THAT(with_elevator_lock(99, 2).found(), IsEmpty());
  EXPECT_THAT(with_elevator_lock(50'000, 2, 1'950'000'000).found(), IsEmpty()) << "one of them took nearly all of it";
}

TEST(ElevatorLock, IsNoneWhereNothingWasMeasuredOrEachQueueHasOne) {
  Case unmeasured = with_elevator_lock(50'000, 2);
  unmeasured.measured.locks.clear();
  EXPECT_THAT(unmeasured.found(), IsEmpty());
  Case kyber = with_elevator_lock(50'000, 2);
  kyber.measured.locks.back().queue = 0;
  EXPECT_THAT(kyber.found(), IsEmpty());
  EXPECT_THAT(with_elevator_lock(50'000, 2).requests({9'000, 0, 0, 900}).found(), Not(Contains(HasSubstr("elevator"))));
}

TEST(ElevatorLock, IsToldInPlaceOfTheElevatorOnAFastDiskUnlessThatIsWorse) {
  const auto on_fast_disk = [](const char* elevator, double seconds) {
    Case result = with_elevator_lock(50'000, seconds).latency(VQS_READ, 60e-6, 40e-6, 100'000);
    result.disk().scheduler = elevator;
    return result.found();
  };
  EXPECT_THAT(on_fast_disk("mq-deadline", 0.05), ElementsAre("elevator_on_fast_disk info"));
  EXPECT_THAT(on_fast_disk("mq-deadline", 0.5), ElementsAre("elevator_lock info"));
  EXPECT_THAT(on_fast_disk("bfq", 0.5), ElementsAre("elevator_lock info", "elevator_on_fast_disk warning"));
  EXPECT_THAT(on_fast_disk("bfq", 1.5), ElementsAre("elevator_lock warning"));
}

TEST(ElevatorLock, IsLeftToADiskWhoseZonesNeedIt) {
  Case zoned = with_elevator_lock(50'000, 2);
  zoned.disk().facts.settings = {{"zoned", "host-managed"}};
  EXPECT_EQ(zoned.only().remedy, Remedy::kNone);
  EXPECT_THAT(zoned.only().evidence, Contains(HasSubstr("zones")));
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
