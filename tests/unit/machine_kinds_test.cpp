// SPDX-License-Identifier: Apache-2.0
// Findings and remedies by what the machine, its hypervisor and the disk's adapter are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/platform.h"
#include "agent/diagnosis/remedies.h"
#include "tests/unit/scanned_guest.h"

namespace vqscope {
namespace {

using test::disk_of;
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Load kEightCpusOneInterrupted = {std::vector<std::uint64_t>(8, 30'000), {200'000, 0, 0, 0, 0, 0, 0, 0}};

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

TEST(OneQueueForEver, IsThatOfThePlatformThatWasAskedFor) {
  const Topology topology = scan(Guest("firecracker"));
  const Measured measured = test::measure(disk_of(topology, "vda"), {{60'000, 60'000}, {0, 90'000}});
  const auto single = [&](std::optional<Platform> platform) {
    return find_all(DiskEvidence{topology, disk_of(topology, "vda"), measured, platform}).front().found;
  };
  EXPECT_EQ(single(Platform::kFirecracker).severity, Severity::kInfo);
  EXPECT_EQ(single(Platform::kLibvirt).severity, Severity::kWarning);
  EXPECT_THAT(single(Platform::kLibvirt).evidence, Not(Contains(HasSubstr("Firecracker"))));
}

TEST(SharedVector, OverMmioIsInformationUntilACostIsMeasured) {
  Topology topology = scan(Guest("no-msi"));
  ASSERT_EQ(topology.disks.back().name, "vda");
  topology.disks.back().transport = "virtio-mmio";
  const Found shared = only(topology, "vda", kEightCpusOneInterrupted);
  EXPECT_EQ(shared.severity, Severity::kInfo);
  EXPECT_THAT(shared.evidence, Contains(HasSubstr("No setting changes that: this is information unless")));
  Measured measured = test::measure(topology.disks.back(), kEightCpusOneInterrupted);
  measured.cost = QueueCost{.request_seconds = 1, .completion_seconds = 0.7, .crossing_seconds = 0.59};
  EXPECT_EQ(find_all(DiskEvidence{topology, topology.disks.back(), measured}).front().found.severity,
            Severity::kWarning);
}

TEST(HotpluggedVcpus, AreNotWhyAnNvmeDriveHasFewQueues) {
  Topology topology = scan(Guest("nvme-one-vector"));
  topology.vmm = "vmware";
  topology.disks[0].facts.shares_admin_line = false;
  topology.guest.late_cpus = {1, 2, 3};
  EXPECT_THAT(found(topology, "nvme0n1", kFourCpusOneInterrupted), Not(Contains(HasSubstr("hotplugged_vcpus"))));
}

TEST(FullLuns, AreToldWhatTheirDriverTakes) {
  const auto full = [](const char* driver, const char* transport, std::uint32_t depth, std::uint64_t bus) {
    Topology topology = scan(Guest("pvscsi"));
    Disk& disk = topology.disks[0];
    disk.driver = driver;
    disk.transport = transport;
    disk.facts.queue_depth = depth;
    disk.queues[0].tags = 1024;
    disk.nr_requests = 1024;
    if (bus == 0) topology.vmm = "", topology.guest.hypervisor = false;
    Measured measured = test::measure(disk, {{6'000, 0, 0, 0}, {}});
    measured.queues[0].full_share = 1;
    for (const Finding& finding : find_all(DiskEvidence{topology, disk, measured}))
      if (finding.kind->id == "queue_full")
        return std::pair(finding.found, instructions_for(finding.found.remedy, &disk, topology, {}));
    return std::pair(Found{}, Instructions{});
  };
  EXPECT_THAT(full("virtio_scsi", "scsi", 64, 1).first.evidence,
              Contains(HasSubstr("cmd_per_lun, which the host sets")));
  EXPECT_THAT(full("vmw_pvscsi", "scsi", 64, 1).first.evidence,
              Contains(AllOf(HasSubstr("parameters of the module vmw_pvscsi here"), HasSubstr("ring_pages"))));
  const auto [hba, raise] = full("mpt3sas", "scsi", 32, 0);
  EXPECT_THAT(hba.evidence,
              Contains(AllOf(HasSubstr("as far as the driver mpt3sas takes it"), HasSubstr("can_queue"))));
  EXPECT_EQ(hba.remedy, Remedy::kDeepenLun);
  EXPECT_THAT(snippets(raise), HasSubstr("echo 64 > /sys/block/sda/device/queue_depth"));
  EXPECT_EQ(raise.steps[0].where, "On this machine");
  const auto [sata, none] = full("ahci", "ata", 32, 0);
  EXPECT_THAT(sata.evidence, Contains(HasSubstr("That is all that SATA has")));
  EXPECT_EQ(none.in_short, "nothing that vqscope knows of");
  EXPECT_THAT(full("ahci", "ata", 16, 0).first.evidence, Contains(HasSubstr("Up to 32 can be written there")));
}

TEST(PassedThrough, AreSataControllersByTheirPciIds) {
  Topology topology = scan(Guest("ahci"));
  Disk& disk = topology.disks[0];
  const struct {
    std::uint32_t id;
    std::optional<std::uint32_t> board;
    bool real;
  } controllers[] = {
      {0x8086'2922, 0x1af4'1100, false}, {0x8086'2922, std::nullopt, false}, {0x8086'2829, 0, false},
      {0x8086'7111, 0x15ad'1976, false}, {0x15ad'07e0, 0x15ad'07e0, false},  {0x8086'2821, 0x1ab8'0400, false},
      {0x1b21'1166, 0x2116'2116, true},  {0x1b21'1166, std::nullopt, true},  {0x8086'2922, 0x1028'0287, true},
  };
  for (const auto& [id, board, real] : controllers) {
    disk.facts.pci_id = id;
    disk.facts.pci_subsystem = board;
    EXPECT_EQ(is_passed_through(topology, disk), real) << std::hex << id;
    EXPECT_EQ(is_emulated(topology, disk), !real) << std::hex << id;
  }
  Guest guest("ahci");
  guest.link("sys/bus/pci/devices/0000:00:1f.2", "../../../devices/pci0000:00/0000:00:1f.2");
  for (const auto& [file, text] : {std::pair("vendor", "0x1b21"),
                                   {"device", "0x1166"},
                                   {"subsystem_vendor", "0x2116"},
                                   {"subsystem_device", "0x2116"}})
    guest.file(std::string("sys/devices/pci0000:00/0000:00:1f.2/") + file, text);
  EXPECT_EQ(scan(guest).disks[0].facts.pci_id, 0x1b21'1166U);
  EXPECT_EQ(scan(guest).disks[0].facts.pci_subsystem, 0x2116'2116U);
}

TEST(Limits, OfAProvidersDiskAreLookedForWhereItsQueuesCannotBeSet) {
  Topology topology = scan(Guest("pvscsi"));
  topology.vmm = "vmware";
  const auto steps = [&] { return instructions_for(Remedy::kFindLimit, &topology.disks[0], topology, {}).steps; };
  ASSERT_EQ(steps().size(), 1U);
  EXPECT_EQ(steps()[0].where, "Your provider, or whoever runs the host");
  topology.disks[0].transport = "iscsi";
  EXPECT_THAT(steps(), IsEmpty());
}

}  // namespace
}  // namespace vqscope
