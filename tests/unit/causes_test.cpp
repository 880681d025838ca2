// SPDX-License-Identifier: Apache-2.0
// Guests from their files to causes and remedies: each cause is told once, none is left out, and what was not read or
// measured is not claimed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/layout_cost.h"
#include "agent/diagnosis/remedies.h"
#include "tests/unit/scanned_guest.h"

namespace vqscope::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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
}  // namespace vqscope::test
