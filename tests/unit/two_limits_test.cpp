// SPDX-License-Identifier: Apache-2.0
// Disks whose queues are limited on both sides, from the files of their guests to a remedy that lifts both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/diagnosis/platform.h"
#include "agent/diagnosis/remedies.h"
#include "tests/unit/scanned_guest.h"

namespace vqscope::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(TwoLimits, AreBothNamedInTheOrderInWhichTheyAreLifted) {
  const Topology topology = scan(Guest("two-limits"));
  const Found limits = only(topology, "vda", kEightCpus);
  EXPECT_THAT(found(topology, "vda", kEightCpus), ElementsAre("guest_limits_queues warning"));
  EXPECT_EQ(limits.remedy, Remedy::kMoreQueuesAndLiftLimit);
  EXPECT_THAT(
      limits.evidence,
      AllOf(
          Contains("The module parameter virtio_blk.num_request_queues is 2. The kernel command line (/proc/cmdline) "
                   "sets it."),
          Contains("Its MSI-X table has 3 vectors, of which one is for configuration changes."),
          Contains("For a queue for each vCPU the table has to have 9 vectors."),
          Contains("The host is at a limit, too: there are no vectors for more queues than interrupt now. Both have to "
                   "be lifted for a queue with an interrupt of its own for each vCPU.")));
  const Instructions both = remedy(limits, topology, "vda");
  EXPECT_THAT(both.summary, HasSubstr("neither side alone"));
  EXPECT_LT(both.summary.find("First on the host: Give vda 8 queues"),
            both.summary.find("Then in this guest: Take the module parameter"));
  EXPECT_THAT(both.summary, HasSubstr("an MSI-X table of 9 vectors"));
  EXPECT_LT(snippets(both).find("num-queues=8"), snippets(both).find("/proc/cmdline"));
}

TEST(TwoLimits, AreOneWhereTheTableHasVectorsForMore) {
  Topology topology = scan(Guest("two-limits"));
  topology.disks[0].facts.msix_vectors = 9;
  EXPECT_EQ(only(topology, "vda", kEightCpus).remedy, Remedy::kLiftGuestLimit);
  EXPECT_THAT(only(topology, "vda", kEightCpus).evidence, Not(Contains(HasSubstr("The host is at a limit"))));
  EXPECT_THAT(remedy(only(topology, "vda", kEightCpus), topology, "vda").summary, Not(HasSubstr("could not be read")));
}

TEST(TwoLimits, OfWhichTheHostsCannotBeLiftedAreNotMendedHere) {
  Topology topology = scan(Guest("two-limits"));
  topology.vmm = "firecracker";
  const Found limits = only(topology, "vda", kEightCpus);
  EXPECT_EQ(limits.severity, Severity::kInfo) << "what it costs was not measured";
  EXPECT_FALSE(remedy(limits, topology, "vda", Platform::kFirecracker).helps);
}

TEST(TwoLimits, AreQueuesAndVectorsOfAVirtioScsiController) {
  const Topology topology = scan(Guest("scsi-three-vectors"));
  EXPECT_THAT(found(topology, "sda", kEightCpusOneInterrupted),
              ElementsAre("fewer_queues_than_vcpus warning", "shared_vector warning"));
  for (const Finding& finding : findings(topology, "sda", kEightCpusOneInterrupted)) {
    EXPECT_EQ(finding.found.remedy, Remedy::kMoreQueues) << finding.kind->id;
    EXPECT_THAT(finding.found.evidence, Contains("For a queue for each vCPU the table has to have 11 vectors."));
    const Instructions one = remedy(finding.found, topology, "sda");
    EXPECT_EQ(one.summary,
              "Give sda 8 queues, one for each vCPU, on the host. They need an MSI-X table of 11 vectors.");
    EXPECT_THAT(snippets(one), AllOf(HasSubstr("num_queues=8"), Not(HasSubstr("vectors=5"))));
  }
}

TEST(TwoLimits, AreOneQueueOfTheHostAndNoMessageInterruptsInThisGuest) {
  const Topology topology = scan(Guest("nomsi-one-queue"));
  const Found single = only(topology, "vda", kFourCpusOneInterrupted);
  EXPECT_EQ(single.remedy, Remedy::kMoreQueuesAndUseMsi);
  EXPECT_THAT(single.evidence,
              AllOf(Contains("The host did not offer more than one queue (virtio feature 12, MQ, is not set)."),
                    Contains("The kernel command line (/proc/cmdline) switches them off: pci=nomsi.")));
  const Instructions both = remedy(single, topology, "vda");
  EXPECT_THAT(snippets(both), AllOf(HasSubstr("num-queues=4"), HasSubstr("grep -o 'pci=[^ ]*' /proc/cmdline")));
}

TEST(TwoLimits, AreThreeWhereTheGuestSwitchesMessageInterruptsOffBesides) {
  Topology topology = scan(Guest("two-limits"));
  topology.guest.command_line.value() += " pci=noacpi,nomsi";
  topology.disks[0].facts.uses_msi = false;
  const auto of = [&](Remedy what) { return instructions_for(what, &topology.disks[0], topology, {Platform::kQemu}); };
  const Instructions here = of(Remedy::kLiftGuestLimit), all = of(Remedy::kMoreQueuesAndLiftLimit);
  EXPECT_EQ(here.in_short, "change two settings here, and reboot");
  for (const Instructions& instructions : {here, all}) {
    EXPECT_THAT(instructions.summary, AllOf(HasSubstr("Take the module parameter"), HasSubstr("Take pci=nomsi off")));
    EXPECT_THAT(snippets(instructions), HasSubstr("grep -o 'pci=[^ ]*' /proc/cmdline"));
  }
  EXPECT_THAT(all.summary, HasSubstr("First on the host: Give vda 8 queues"));
}

TEST(TwoLimits, AreAParameterOfNvmeAndAShortTable) {
  Topology topology = scan(Guest("nvme-write-queues"));
  const Load writes = {std::vector<std::uint64_t>(8, 30'000), {60'000, 60'000, 60'000, 60'000, 0, 0, 0, 0}};
  topology.disks[0].facts.msix_vectors = 13;
  EXPECT_EQ(only(topology, "nvme0n1", writes).remedy, Remedy::kLiftGuestLimit);
  topology.disks[0].facts.msix_vectors = 8;
  topology.vmm = "qemu";
  const Found both = only(topology, "nvme0n1", writes);
  EXPECT_EQ(both.remedy, Remedy::kLiftLimitThenMoreQueues);
  EXPECT_THAT(both.evidence,
              AllOf(Contains("For a queue for each vCPU the table has to have 9 vectors."),
                    Contains("Without what this guest sets it has 7 queues for all its requests, or more. What remains "
                             "then is the host's limit: the MSI-X table has no vectors for a queue for each vCPU.")));
  const Instructions here = remedy(both, topology, "nvme0n1");
  EXPECT_LT(snippets(here).find("/proc/cmdline"), snippets(here).find("msix_qsize=9"));
  // Where nobody can set the host's, the guest's part is worth as much.
  topology.vmm = "amazon-ec2";
  EXPECT_THAT(found(topology, "nvme0n1", writes), ElementsAre("guest_limits_queues warning"));
  const Instructions only_here =
      instructions_for(only(topology, "nvme0n1", writes).remedy, &topology.disks[0], topology, {});
  EXPECT_THAT(only_here.summary, HasSubstr("That alone brings nvme0n1 7 queues or more for all its requests."));
  EXPECT_THAT(snippets(only_here), HasSubstr("/proc/cmdline"));
  // With vectors for no more than interrupt now it brings nothing.
  topology.disks[0].facts.msix_vectors = 5;
  EXPECT_EQ(only(topology, "nvme0n1", writes).remedy, Remedy::kMoreQueuesAndLiftLimit);
  topology.disks[0].facts.msix_vectors = 8;
  topology.disks[0].facts.pci_id = 0x144d'a80a;  // Samsung's: what the hardware has is no limit of the host
  topology.vmm = "qemu";
  EXPECT_EQ(only(topology, "nvme0n1", writes).remedy, Remedy::kLiftGuestLimit);
  topology.disks[0].facts.msix_vectors.reset();
  EXPECT_THAT(only(topology, "nvme0n1", writes).evidence,
              Contains("How many interrupt vectors it has could not be read, which takes root."));
}

TEST(TwoLimits, OfAProvidersDriveAreMendedAsFarAsThisGuestCan) {
  const Topology topology = scan(Guest("ec2-write-and-poll-queues"));
  const Load writes = {std::vector<std::uint64_t>(16, 20'000), std::vector<std::uint64_t>(16, 10'000)};
  EXPECT_THAT(found(topology, "nvme0n1", writes), ElementsAre("guest_limits_queues warning"));
  const Found limits = only(topology, "nvme0n1", writes);
  EXPECT_THAT(limits.evidence,
              Contains(HasSubstr("Without what this guest sets it has 8 queues for all its requests")));
  const Instructions here = instructions_for(limits.remedy, &topology.disks[0], topology, {});
  EXPECT_EQ(here.in_short, "change a module parameter here, and reboot");
  EXPECT_THAT(here.summary, HasSubstr("whether it can prepare more, knows whoever runs it."));
}

TEST(TwoLimits, AreNoMessageInterruptsInThisGuestAndAShortTable) {
  for (const unsigned vectors : {0U, 3U, 8U}) {
    Topology topology = scan(Guest("no-msi"));
    topology.guest.command_line = "pci=nomsi";
    topology.disks.back().facts.msix_vectors = vectors;
    ASSERT_EQ(topology.disks.back().name, "vda");
    const Found both = only(topology, "vda", kEightCpusOneInterrupted);
    EXPECT_EQ(both.remedy, Remedy::kMoreQueuesAndUseMsi) << vectors;
    EXPECT_THAT(both.evidence, Contains("The kernel command line (/proc/cmdline) switches them off: pci=nomsi."));
    const Instructions instructions = remedy(both, topology, "vda");
    EXPECT_THAT(instructions.summary, AllOf(HasSubstr("First on the host: Let the host prepare an interrupt vector"),
                                            HasSubstr("Then in this guest: Take pci=nomsi off")));
    EXPECT_THAT(snippets(instructions), AllOf(HasSubstr("vectors=9"), HasSubstr("/proc/cmdline")));
  }
}

}  // namespace
}  // namespace vqscope::test
