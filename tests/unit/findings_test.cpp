// SPDX-License-Identifier: Apache-2.0
// Findings about queues: when they hold, when they do not, their boundaries, and what is absent; and the table of all
// findings.
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

constexpr auto& disk = test::loaded_disk;

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
