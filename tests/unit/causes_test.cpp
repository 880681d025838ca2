// SPDX-License-Identifier: Apache-2.0
// Guests from their files to causes and remedies: each cause is told once, none is left out, and what was not read or
// measured is not claimed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/layout_cost.h"
#include "agent/diagnosis/platform.h"
#include "agent/diagnosis/remedies.h"
#include "agent/topology/vmm.h"
#include "tests/unit/disk_case.h"
#include "tests/unit/scanned_guest.h"

namespace vqscope {
namespace {

using test::disk_of;
using test::findings;
using test::found;
using test::Guest;
using test::kFourCpusOneInterrupted;
using test::Load;
using test::only;
using test::remedy;
using test::scan;
using test::snippets;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Load kEightCpus = {std::vector<std::uint64_t>(8, 30'000), {100'000, 0, 0, 0, 100'000, 0, 0, 0}};
const Load kEightCpusOneInterrupted = {std::vector<std::uint64_t>(8, 30'000), {200'000, 0, 0, 0, 0, 0, 0, 0}};

TEST(OneVectorOfNvme, IsReadFromALineThatTheAdminQueueHasToo) {
  const Topology topology = scan(Guest("nvme-one-vector"));
  EXPECT_EQ(disk_of(topology, "nvme0n1").facts.shares_admin_line, true);
  EXPECT_THAT(disk_of(topology, "nvme0n1").interrupts, ElementsAre(InterruptLine{30, 0, "nvme0q1"}));
  const Found single = only(topology, "nvme0n1", kFourCpusOneInterrupted);
  EXPECT_EQ(single.remedy, Remedy::kUseMsi);
  EXPECT_THAT(single.evidence,
              Contains("Its admin queue and its only other queue that interrupts share line 30: the driver got one "
                       "vector, and takes one queue with that."));
}

TEST(OneVectorOfNvme, IsTheHostsWhereTheTableHasOne) {
  Topology topology = scan(Guest("nvme-one-vector"));
  topology.disks[0].facts.msix_vectors = 1;
  const Found single = only(topology, "nvme0n1", kFourCpusOneInterrupted);
  EXPECT_EQ(single.remedy, Remedy::kMoreVectors);
  EXPECT_THAT(single.evidence, Contains("For a queue for each vCPU the table has to have 5 vectors."));
  EXPECT_THAT(snippets(remedy(single, topology, "nvme0n1")), HasSubstr("msix_qsize=5"));
}

TEST(OneVectorOfNvme, IsNoneWhereQueuesHaveLinesOfTheirOwn) {
  EXPECT_EQ(disk_of(scan(Guest("nvme")), "nvme0n1").facts.shares_admin_line, false);
  Guest other("nvme-one-vector");
  other.file("sys/kernel/irq/30/actions", "nvme1q0,nvme0q1,nvme00q0");
  EXPECT_EQ(disk_of(scan(other), "nvme0n1").facts.shares_admin_line, false);
  EXPECT_EQ(disk_of(scan(other.remove("sys/kernel/irq/30")), "nvme0n1").facts.shares_admin_line, std::nullopt);
}

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

TEST(SeverityByCost, IsNotCriticalWhereHardlyTwoRequestsMeet) {
  const Topology topology = scan(Guest("two-limits"));
  const auto severity = [&](double inflight) {
    Measured measured = test::measure(topology.disks[0], {kEightCpus.requests, kEightCpus.interrupts, {}, inflight});
    measured.cost = QueueCost{.request_seconds = 1, .completion_seconds = 0.7, .crossing_seconds = 0.59};
    const DiskEvidence evidence = {topology, topology.disks[0], measured};
    EXPECT_THAT(about_few_at_a_time(measured), IsEmpty()) << "what was measured makes it a warning";
    return severity_by_cost(evidence, Severity::kInfo);
  };
  EXPECT_EQ(severity(0.8), Severity::kWarning);
  EXPECT_EQ(severity(8), Severity::kCritical);
}

TEST(LimitsOfTheHost, ThatWereNotReadAreNotDenied) {
  const auto texts = [](const Topology& topology, const std::string& disk) {
    const auto all = findings(topology, disk, kEightCpus);
    if (all.size() != 1) return std::string("not one finding");
    std::string text = std::string(all[0].kind->explanation) + remedy(all[0].found, topology, disk).summary;
    for (const std::string& sentence : all[0].found.evidence) text += sentence;
    return text;
  };
  const Topology xen = scan(Guest("xen-max-queues"), "XenVMMXenVMM");
  EXPECT_THAT(found(xen, "xvda", kEightCpus), ElementsAre("guest_limits_queues warning"));
  EXPECT_THAT(texts(xen, "xvda"), AllOf(HasSubstr("What the host offers does not show here"),
                                        Not(HasSubstr("need be changed")), Not(HasSubstr("need not be touched"))));
  const Topology unread = scan(Guest("two-limits").remove("sys/devices/pci0000:00/0000:00:05.0/config"));
  EXPECT_THAT(texts(unread, "vda"), AllOf(HasSubstr("If the host offers no more queues, which could not be read, that "
                                                    "alone brings none."),
                                          Not(HasSubstr("need be changed")), Not(HasSubstr("need not be touched"))));
}

TEST(OneCause, OfQueuesByTypeHasOneFinding) {
  Topology topology = scan(Guest("nvme-write-queues"));
  Disk& disk = topology.disks[0];
  disk.queues.erase(disk.queues.begin() + 1, disk.queues.begin() + 4);  // one for all but reads
  for (std::uint32_t q = 0; q < disk.queues.size(); ++q) disk.queues[q].index = q;
  disk.queues[0].cpus = {0, 1, 2, 3, 4, 5, 6, 7};
  EXPECT_THAT(found(topology, "nvme0n1", kEightCpusOneInterrupted), ElementsAre("guest_limits_queues warning"));
  EXPECT_THAT(only(topology, "nvme0n1", kEightCpusOneInterrupted).evidence,
              AllOf(Contains("For all but reads nvme0n1 has 1 queue for 8 online vCPUs."),
                    Contains(HasSubstr("On average 8 were in flight"))));
}

TEST(OneCause, OfPathsToOneDiskIsSaidToBeOne) {
  Guest guest("multipath");
  const std::string adapter = "sys/devices/pseudo_0/adapter0/host1/target1:0:0/1:0:0:1/block/sdb/";
  const std::string second = "sys/devices/pseudo_0/adapter0/host1/target1:0:1/1:0:1:1/block/sdc/";
  guest.file("sys/devices/virtual/block/dm-3/dm/name", "mpatha")
      .file("sys/devices/virtual/block/dm-3/dm/uuid", "mpath-3600140")
      .link("sys/devices/virtual/block/dm-3/slaves/sdb", "../../../../pseudo_0")
      .link("sys/block/sdc", "../devices/pseudo_0/adapter0/host1/target1:0:1/1:0:1:1/block/sdc")
      .file(second + "size", "204800")
      .file(second + "mq/0/cpu_list", "0, 1, 2, 3, 4, 5, 6, 7")
      .file(second + "queue/scheduler", "[none]")
      .link(second + "holders/dm-3", "../../../dm-3")
      .link(adapter + "holders/dm-3", "../../../dm-3");
  const Topology topology = scan(guest);
  const std::string paths =
      "sdb, sdc are paths of one disk, mpatha (dm-3): what is told of each of them, and of it, may be one thing.";
  for (const char* name : {"sdb", "sdc", "dm-3"}) {
    EXPECT_EQ(about_paths(topology, disk_of(topology, name)), paths);
    Measured stuck;
    stuck.oldest_seconds = 60;
    for (const Finding& finding : find_all(DiskEvidence{topology, disk_of(topology, name), stuck}))
      EXPECT_EQ(finding.found.evidence.back(), paths) << name;
  }
  guest.remove("sys/block/sdc");
  EXPECT_EQ(about_paths(scan(guest), disk_of(scan(guest), "sdb")), "");
}

TEST(OneCause, OfPathsThatTheNvmeDriverHasToOneDiskIsSaidToBeOne) {
  Topology topology = scan(Guest("nvme"));
  topology.disks.resize(2);
  for (std::size_t i = 0; i < 2; ++i) {
    topology.disks[i].name = "nvme0c" + std::to_string(i) + "n1";
    topology.disks[i].stacking.holders = {{"nvme0n1", "", "nvme-multipath"}};
  }
  EXPECT_EQ(about_paths(topology, topology.disks[1]),
            "nvme0c0n1, nvme0c1n1 are paths of one disk, nvme0n1: what is told of each of them, and of it, may be one "
            "thing.");
  EXPECT_EQ(about_layers(topology.disks[1]), "nvme0c1n1 holds nvme0n1 (nvme-multipath).");
  topology.disks.pop_back();
  EXPECT_EQ(about_paths(topology, topology.disks[0]), "") << "of one path";
}

TEST(NoMsi, IsNotTheGuestsFaultWhereTheMachineHasNoControllerForMessages) {
  Guest guest("no-msi");
  guest.file("sys/kernel/irq/21/chip_name", "GICv3");
  EXPECT_EQ(scan(guest).guest.has_msi, std::nullopt);
  const Found unknown = only(scan(guest), "vda", kEightCpusOneInterrupted);
  EXPECT_THAT(unknown.evidence,
              AllOf(Contains("That any device of this guest has them was not seen: the machine may have no controller "
                             "for them, which would be the host's to give."),
                    Contains("Its MSI-X table has 9 vectors and 9 are needed, so the host prepared enough, and why "
                             "they are not used does not show.")));
  EXPECT_THAT(remedy(unknown, scan(guest), "vda").summary, HasSubstr("Find out on which side it is"));

  guest.file("sys/firmware/devicetree/base/pcie@10000000/device_type", "pci");
  EXPECT_EQ(scan(guest).guest.has_msi, false);
  const Found host = only(scan(guest), "vda", kEightCpusOneInterrupted);
  EXPECT_THAT(host.evidence,
              Contains("The machine has no controller for them: its device tree names none for PCI (msi-map, "
                       "msi-parent)."));
  EXPECT_EQ(remedy(host, scan(guest), "vda").in_short, "give the machine an MSI controller, on the host");
  for (const Finding& nvme : findings(scan(guest), "nvme0n1", kEightCpusOneInterrupted))
    EXPECT_NE(nvme.found.remedy, Remedy::kUseMsi);

  guest.file("sys/firmware/devicetree/base/pcie@10000000/msi-map", "x");
  EXPECT_EQ(scan(guest).guest.has_msi, true);
  EXPECT_THAT(only(scan(guest), "vda", kEightCpusOneInterrupted).evidence,
              Contains(HasSubstr("has its cause in this guest")));
  guest.remove("sys/firmware").file("sys/kernel/irq/40/actions", "virtio5-input.0");
  EXPECT_EQ(scan(guest.file("sys/kernel/irq/40/chip_name", "ITS-MSI")).guest.has_msi, true);
  guest.remove("sys/kernel/irq/40").file("sys/kernel/irq/21/chip_name", "APLIC-MSI-d000000.aplic");
  EXPECT_EQ(disk_of(scan(guest), "vda").facts.uses_msi, false)
      << "a wire that RISC-V's controller turns into a message";
}

TEST(NoMsi, OfATableThatWasNotReadIsNotLaidToOneSide) {
  Guest guest("no-msi");
  const Topology unread = scan(guest.remove("sys/devices/pci0000:00/0000:00:08.0/config"));
  const Found shared = only(unread, "vda", kEightCpusOneInterrupted);
  EXPECT_THAT(shared.evidence, Contains("How many vectors the host prepared could not be read, which takes root."));
  EXPECT_EQ(remedy(shared, unread, "vda").in_short, "find out on which side MSI-X is missing");
  EXPECT_EQ(remedy(only(scan(Guest("no-msi")), "vda", kEightCpusOneInterrupted), scan(Guest("no-msi")), "vda").in_short,
            "find out why this guest leaves MSI-X unused");
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

TEST(ParametersThatWereChangedAfterBoot, AreNotSaidToHaveMadeTheQueues) {
  Topology nvme = scan(Guest("nvme-write-queues"));
  nvme.guest.limits.nvme_write_queues = 0;
  const Load writes = {std::vector<std::uint64_t>(8, 30'000), {60'000, 60'000, 60'000, 60'000, 0, 0, 0, 0}};
  EXPECT_THAT(only(nvme, "nvme0n1", writes).evidence,
              Contains(HasSubstr("The module parameter nvme.write_queues is now 0; the queues were made before that. "
                                 "Reads have 8 queues, all other requests 4.")));

  Topology blk = scan(Guest("two-limits"));
  blk.guest.limits.virtio_blk_queues = 0;
  EXPECT_THAT(only(blk, "vda", kEightCpus).evidence,
              Contains("The kernel command line (/proc/cmdline) sets the module parameter "
                       "virtio_blk.num_request_queues to 2; it is 0 now, and the queues were made before that."));
  blk.guest.command_line = "virtio-blk.num-request-queues=2";
  EXPECT_THAT(found(blk, "vda", kEightCpus), ElementsAre("guest_limits_queues warning")) << "a dash is an underscore";
  blk.guest.command_line = "virtio_blk.num_request_queues=2 virtio_blk.num_request_queues=4";
  EXPECT_THAT(found(blk, "vda", kEightCpus), ElementsAre("fewer_queues_than_vcpus warning")) << "the last one holds";
}

TEST(ParametersThatWereChangedAfterBoot, AreToldOfPolledQueues) {
  Topology topology = scan(Guest("two-limits"));
  Disk& disk = topology.disks[0];
  disk.queues[0].type = QueueType::kDefault;
  disk.queues[1].type = QueueType::kPoll;
  topology.guest.command_line = "";
  topology.guest.limits.virtio_blk_queues = 1;
  topology.guest.limits.virtio_blk_poll_queues = 0;
  EXPECT_THAT(only(topology, "vda", kEightCpusOneInterrupted).evidence,
              AllOf(Contains("The module parameter virtio_blk.num_request_queues is now 1; the queues were made before "
                             "that."),
                    Contains(HasSubstr("1 queue is polled (module parameter virtio_blk.poll_queues, now 0; the queues "
                                       "were made before that): only requests"))));
  topology.guest.limits.virtio_blk_poll_queues = 7;  // the driver leaves one that interrupts
  EXPECT_THAT(only(topology, "vda", kEightCpusOneInterrupted).evidence,
              Contains(HasSubstr("1 queue is polled (module parameter virtio_blk.poll_queues): only")));
}

TEST(XensLimit, IsTheHostsWhereTheDriverWouldTakeMore) {
  Topology topology = scan(Guest("xen-max-queues"), "XenVMMXenVMM");
  topology.guest.limits.xen_blkfront_queues = 32;
  topology.guest.command_line = "xen_blkfront.max_queues=32";
  EXPECT_THAT(only(topology, "xvda", kEightCpus).evidence,
              Contains(HasSubstr("Xen's disk driver in this guest would take up to 32 queues "
                                 "(xen_blkfront.max_queues), so the host offers no more than")));
}

TEST(ProvidersDisks, AreNotToldOfAHostThatNobodyCanReach) {
  Topology topology = scan(Guest("two-limits"));
  topology.guest.limits = {};
  topology.vmm = "amazon-ec2";
  topology.guest.manager = "";
  Measured measured = test::measure(topology.disks[0], kEightCpus);
  test::Case::add(measured.ops[VQS_READ].device, 200e-6, 9'800);
  test::Case::add(measured.ops[VQS_READ].device, 20e-3, 200);
  measured.cost = QueueCost{.request_seconds = 1, .completion_seconds = 0.1, .crossing_seconds = 0.01};
  const auto all = [&] {
    std::string text;
    for (const Finding& finding : find_all(DiskEvidence{topology, topology.disks[0], measured})) {
      text += finding.kind->explanation;
      for (const std::string& sentence : finding.found.evidence) text += " " + sentence;
      text += instructions_for(finding.found.remedy, &topology.disks[0], topology, {}).summary;
    }
    return text;
  };
  EXPECT_THAT(all(), AllOf(HasSubstr("outside this guest"), HasSubstr("at a limit of its type"),
                           Not(HasSubstr("page cache")), Not(HasSubstr("thread")), Not(HasSubstr("on the host what"))));
  topology.vmm = "qemu";
  EXPECT_THAT(all(), AllOf(HasSubstr("page cache"), HasSubstr("at the host, where one thread may serve a queue")));
}

TEST(PassedThrough, DrivesAnswerThemselves) {
  for (const auto& [fixture, name] : {std::pair("passed-through-nvme", "nvme0n1"), {"passed-through-hba", "sda"}}) {
    const Topology topology = scan(Guest(fixture));
    const Disk& disk = disk_of(topology, name);
    EXPECT_TRUE(is_passed_through(topology, disk)) << fixture;
    Measured measured;
    measured.seconds = 10;
    measured.has_requests = true;
    test::Case::add(measured.ops[VQS_READ].device, 200e-6, 9'800);
    test::Case::add(measured.ops[VQS_READ].device, 20e-3, 200);
    test::Case::add(measured.ops[VQS_READ].queue, 2e-6, 10'000);
    const auto all = find_all(DiskEvidence{topology, disk, measured});
    ASSERT_EQ(all.size(), 1U) << fixture;
    EXPECT_EQ(all[0].kind->id, "host_latency");
    EXPECT_THAT(all[0].found.evidence, Contains(HasSubstr("is passed through, so the drive itself answers")));
    const Instructions one = remedy(all[0].found, topology, name);
    EXPECT_THAT(one.steps, IsEmpty());
    EXPECT_THAT(one.summary + std::string(all[0].kind->explanation),
                AllOf(Not(HasSubstr("main loop")), Not(HasSubstr("how it is served"))));
  }
}

TEST(PassedThrough, DrivesHaveFindingsOfWhatThisGuestLimits) {
  Topology topology = scan(Guest("passed-through-nvme"));
  EXPECT_THAT(found(topology, "nvme0n1", kFourCpusOneInterrupted),
              Not(Contains(::testing::StartsWith("guest_limits_queues"))));
  for (HardwareQueue& queue : topology.disks[0].queues) queue.type = QueueType::kDefault;
  topology.disks[0].queues.back().type = QueueType::kPoll;
  EXPECT_THAT(found(topology, "nvme0n1", kFourCpusOneInterrupted),
              Contains(::testing::StartsWith("guest_limits_queues")));
}

TEST(PassedThrough, IsNotKnownOfAProvidersControllers) {
  Topology topology = scan(Guest("passed-through-nvme"));
  topology.guest.manager = "proxmox";
  EXPECT_TRUE(is_passed_through(topology, topology.disks[0]));
  topology.guest.manager = "Alibaba Cloud";
  EXPECT_FALSE(is_passed_through(topology, topology.disks[0]));
}

TEST(PassedThrough, IsNotWhatAHypervisorMakes) {
  EXPECT_FALSE(is_passed_through(scan(Guest("virtio-scsi")), scan(Guest("virtio-scsi")).disks[0]));
  Topology topology = scan(Guest("pvscsi"));
  EXPECT_FALSE(is_passed_through(topology, topology.disks[0]));
  topology.vmm = "vmware";
  EXPECT_FALSE(is_passed_through(topology, topology.disks[0]));
}

TEST(Machines, WhoseCpuHasNoHypervisorAreNoGuestsWhateverDmiAndDisksSay) {
  const Topology ecs = scan(Guest("ecs-bare-metal"));
  EXPECT_EQ(ecs.guest.hypervisor, false);
  EXPECT_EQ(disk_of(ecs, "vda").transport, "virtio-pci");
  EXPECT_FALSE(is_guest(ecs));
  EXPECT_THAT(found(ecs, "vda", kEightCpusOneInterrupted), IsEmpty());
  Guest dell("nvme");
  dell.file("sys/class/dmi/id/sys_vendor", "Dell Inc.")
      .file("sys/class/dmi/id/product_name", "OpenStack Compute")
      .file("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme msr apic sse2 vmx\n");
  EXPECT_EQ(scan(dell).vmm, "");
  EXPECT_EQ(choose_platforms(scan(dell), std::nullopt).reason, "This machine does not look like a guest.");
  dell.file("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme msr apic sse2 hypervisor\n");
  EXPECT_EQ(scan(dell).vmm, "qemu");
}

TEST(OneQueueForEver, IsInformationUntilACostIsMeasured) {
  const Topology topology = scan(Guest("firecracker"));
  const Disk& disk = disk_of(topology, "vda");
  const auto single = [&](double inflight, std::optional<QueueCost> cost) {
    Measured measured = test::measure(disk, {{60'000, 60'000}, {0, 90'000}});
    measured.average_inflight = inflight;
    measured.cost = cost;
    for (const Finding& finding : find_all(DiskEvidence{topology, disk, measured}))
      if (finding.kind->id == "single_queue") return finding.found;
    return Found{Severity::kCritical, Remedy::kNone, {"not found"}, {}};
  };
  EXPECT_EQ(single(1, {}).severity, Severity::kInfo);
  EXPECT_EQ(single(32, {}).severity, Severity::kInfo);
  EXPECT_THAT(
      single(32, {}).evidence,
      AllOf(
          Contains(HasSubstr("What that costs was not measured")),
          Contains(
              "Firecracker gives a disk one queue, unless your version offers num_queues: this is information unless a "
              "measured cost says otherwise, and a warning at the most.")));
  const QueueCost without_locks = {1, 0.2, 0, 0.05, 0, std::nullopt, 0.2};
  EXPECT_EQ(single(32, without_locks).severity, Severity::kInfo);
  EXPECT_THAT(single(32, without_locks).evidence, Contains(HasSubstr("waits for locks were not measured")));
  EXPECT_EQ(single(32, QueueCost{1, 0.2, 0, 0.3, 0, std::nullopt, 0.2}).severity, Severity::kWarning);
  EXPECT_EQ(single(32, QueueCost{1, 0.2, 0, 0.05, 0, std::nullopt, 0.95}).severity, Severity::kWarning) << "used up";
}

TEST(OneQueue, IsNoWarningForWhatWasNotMeasuredWhereRequestsHardlyMeet) {
  const Topology topology = scan(Guest("device-tree"), std::nullopt);
  Load load = kFourCpusOneInterrupted;
  load.inflight = 1.2;
  EXPECT_THAT(found(topology, "vda", load), ElementsAre("single_queue info"));
  EXPECT_THAT(
      only(topology, "vda", load).evidence,
      Contains("With 1.2 in flight or waiting in this guest on average requests hardly meet each other, so that "
               "what was not measured makes this no warning."));
  load.inflight = 1.3;
  EXPECT_THAT(found(topology, "vda", load), ElementsAre("single_queue warning"));
}

}  // namespace
}  // namespace vqscope
