// SPDX-License-Identifier: Apache-2.0
// Findings and remedies by what the machine, its hypervisor and the disk's adapter are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/platform.h"
#include "agent/diagnosis/remedies.h"
#include "agent/topology/vmm.h"
#include "tests/unit/disk_case.h"
#include "tests/unit/scanned_guest.h"

namespace vqscope::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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

TEST(Limits, OfAProvidersDiskAreLookedForWhereItsQueuesCannotBeSet) {
  Topology topology = scan(Guest("pvscsi"));
  topology.vmm = "vmware";
  const auto steps = [&] { return instructions_for(Remedy::kFindLimit, &topology.disks[0], topology, {}).steps; };
  ASSERT_EQ(steps().size(), 1U);
  EXPECT_EQ(steps()[0].where, "Your provider, or whoever runs the host");
  topology.disks[0].transport = "iscsi";
  EXPECT_THAT(steps(), IsEmpty());
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
  Case::add(measured.ops[VQS_READ].device, 200e-6, 9'800);
  Case::add(measured.ops[VQS_READ].device, 20e-3, 200);
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

}  // namespace
}  // namespace vqscope::test
