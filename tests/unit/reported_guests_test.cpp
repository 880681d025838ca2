// SPDX-License-Identifier: Apache-2.0
// Guests and machines of public reports, from their files to what is found: whose disks they have, and who can mend
// what is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/platform.h"
#include "agent/topology/vmm.h"
#include "tests/unit/scanned_guest.h"

namespace vqscope {
namespace {

using test::disk_of;
using test::found;
using test::Guest;
using test::kFourCpus;
using test::kFourCpusOneInterrupted;
using test::Load;
using test::only;
using test::scan;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// ---- interrupts that are no messages

TEST(WithoutMsi, AVirtioDiskSharesAWireThoughTheHostPreparedEnough) {
  const Topology topology = scan(Guest("no-msi"));
  EXPECT_EQ(disk_of(topology, "vda").facts.uses_msi, false);
  const Found shared = only(topology, "vda", kFourCpusOneInterrupted);
  EXPECT_EQ(shared.remedy, Remedy::kUseMsi);
  EXPECT_THAT(
      shared.evidence,
      ElementsAre("vda has 8 queues, which share interrupt 21 (virtio4).", HasSubstr("24,000 requests/s"),
                  HasSubstr("land on vCPU 0 (100 %)"), HasSubstr("What that costs was not measured"),
                  "This guest does not use message interrupts (MSI) for it: line 21 (virtio4) is a wired "
                  "interrupt, of which a device has one.",
                  "The line is also that of nvme0n1, nvme1n1, nvme2n1: its interrupts are counted with those of each.",
                  "Its MSI-X table has 9 vectors and 9 are needed, so the host prepared enough: that they are "
                  "not used has its cause in this guest."));
}

TEST(WithoutMsi, AnNvmeDiskHasOneQueueAndTheGuestIsTheCause) {
  const Topology topology = scan(Guest("no-msi"));
  EXPECT_THAT(disk_of(topology, "nvme0n1").interrupts, ElementsAre(InterruptLine{21, 0, "nvme0q1"}));
  const Found few = only(topology, "nvme0n1");
  EXPECT_EQ(few.remedy, Remedy::kUseMsi);
  EXPECT_THAT(few.evidence, AllOf(Contains("Without them the NVMe driver takes one queue."),
                                  Contains("nvme0n1 has 1 queue for 8 online vCPUs.")));
}

TEST(WithoutMsi, TheKernelCommandLineIsTheCauseWhateverTheTable) {
  const auto shared = [](const std::string& command_line) {
    Guest guest("no-msi");
    guest.file("proc/cmdline", command_line).remove("sys/devices/pci0000:00/0000:00:08.0/config");
    return only(scan(guest), "vda");
  };
  EXPECT_THAT(shared("quiet pci=noaer,nomsi").evidence,
              Contains("The kernel command line (/proc/cmdline) switches them off: pci=nomsi."));
  for (const char* other : {"quiet", "pci=nomsix", "nomsi", "xpci=nomsi"}) {
    EXPECT_THAT(shared(other).evidence,
                AllOf(Not(Contains(HasSubstr("nomsi"))),
                      Contains("How many vectors the host prepared could not be read, which takes root.")))
        << other;
  }
}

TEST(WithoutMsi, ADeviceThatHasNoTableIsTheHosts) {
  Guest guest("no-msi");
  guest.file("sys/devices/pci0000:00/0000:00:08.0/config", std::string(64, '\0'));
  const Found shared = only(scan(guest), "vda");
  EXPECT_EQ(shared.remedy, Remedy::kMoreVectors);
  EXPECT_THAT(shared.evidence, Contains("The host offers no MSI-X table for it."));
}

TEST(WithoutMsi, IsToldByTheNameOfTheLineWhereTheChipIsNotKnown) {
  Guest guest("no-msi");
  guest.remove("sys/kernel/irq/21/chip_name");
  EXPECT_EQ(disk_of(scan(guest), "vda").facts.uses_msi, false);
  EXPECT_EQ(disk_of(scan(guest), "nvme0n1").facts.uses_msi, std::nullopt);
  guest.file("sys/kernel/irq/21/type", "level");
  EXPECT_EQ(disk_of(scan(guest), "nvme0n1").facts.uses_msi, false);
  guest.file("sys/kernel/irq/21/chip_name", "IR-PCI-MSI");
  EXPECT_EQ(disk_of(scan(guest), "nvme0n1").facts.uses_msi, true);
}

TEST(Vectors, OfVirtioScsiAreThreeMoreThanItsQueues) {
  const Topology topology = scan(Guest("few-vectors"));
  const Found shared = only(topology, "sda", kFourCpusOneInterrupted);
  EXPECT_EQ(shared.remedy, Remedy::kMoreVectors);
  EXPECT_THAT(shared.evidence, Contains("Its MSI-X table has 5 vectors; 7 are needed, of which three are for "
                                        "configuration changes, control and events."));
  EXPECT_THAT(shared.numbers, Contains(std::pair<std::string, double>("needed_vectors", 7)));
}

TEST(Vectors, ThatAreNeededDependOnTheDriver) {
  Disk disk;
  disk.queues.resize(4);
  EXPECT_EQ(needed_vectors(disk), std::nullopt);
  disk.driver = "nvme";
  EXPECT_EQ(needed_vectors(disk), 5U);
  disk.queues[3].type = QueueType::kPoll;
  EXPECT_EQ(needed_vectors(disk), 4U);
  disk.virtio = VirtioDevice{0, 0};
  EXPECT_EQ(needed_vectors(disk), 4U);
  disk.virtio = VirtioDevice{0, 2};
  EXPECT_EQ(needed_vectors(disk), 6U);
}

// ---- whose disk it is

TEST(DisksOfTheGuestItself, HaveNoFindingsAboutQueues) {
  const Topology topology = scan(Guest("iscsi-and-rbd"));
  EXPECT_EQ(disk_of(topology, "sda").transport, "iscsi");
  for (const char* name : {"sda", "rbd0"}) {
    EXPECT_FALSE(is_hosts_disk(disk_of(topology, name))) << name;
    EXPECT_THAT(found(topology, name, kFourCpus), IsEmpty()) << name;
    EXPECT_THAT(found(topology, name, {{240'000, 0, 0, 0}, {}}), IsEmpty()) << name;
  }
}

TEST(DisksOfTheGuestItself, AreThoseWithoutABusOfTheMachine) {
  const auto is_hosts = [](const char* name, const char* transport, const char* driver, const char* bus_id) {
    Disk disk;
    disk.name = name;
    disk.transport = transport;
    disk.driver = driver;
    disk.bus_id = bus_id;
    return is_hosts_disk(disk);
  };
  EXPECT_FALSE(is_hosts("nbd0", "virtual", "", ""));
  EXPECT_FALSE(is_hosts("sdb", "scsi", "scsi_debug", ""));
  EXPECT_FALSE(is_hosts("sdb", "iscsi", "bnx2i", "0000:00:05.0"));
  EXPECT_FALSE(is_hosts("nvme1n1", "nvme-tcp", "nvme", ""));
  EXPECT_FALSE(is_hosts("vdb", "virtio-vdpa", "virtio_blk", "vdpa0"));
  EXPECT_FALSE(is_hosts("sr0", "ata", "ahci", "0000:00:1f.2"));
  EXPECT_FALSE(is_hosts("dasda", "ccw", "dasd-eckd", ""));
  EXPECT_TRUE(is_hosts("vda", "virtio-ccw", "virtio_blk", "0.0.0000"));
  EXPECT_TRUE(is_hosts("nvme0n1", "pci", "nvme", "0000:00:04.0"));
  EXPECT_TRUE(is_hosts("sda", "scsi", "storvsc_host", ""));
  EXPECT_TRUE(is_hosts("xvda", "xen", "vbd", ""));
}

TEST(Adapters, ThatArePassedThroughHaveTheQueuesOfTheHardware) {
  Topology topology = scan(Guest("pvscsi"));
  Disk& disk = topology.disks.front();
  disk.driver = "mpt3sas";
  EXPECT_TRUE(is_hosts_disk(disk));
  EXPECT_FALSE(hypervisor_sets_queues(topology, disk));
  EXPECT_THAT(found(topology, "sda", kFourCpusOneInterrupted), IsEmpty());
}

TEST(Adapters, ThatImitateHardwareAreToldByHypervisor) {
  Topology topology = scan(Guest("pvscsi"));
  EXPECT_EQ(disk_of(topology, "sda").driver, "vmw_pvscsi");
  EXPECT_EQ(only(topology, "sda", kFourCpusOneInterrupted).remedy, Remedy::kUseVirtio);
  EXPECT_THAT(found(topology, "sda", kFourCpusOneInterrupted), ElementsAre("emulated_bus warning"));
  topology.vmm = "vmware";  // whose own adapter it is
  EXPECT_THAT(found(topology, "sda", kFourCpusOneInterrupted), IsEmpty());
  topology.vmm = "qemu";
  topology.disks.front().transport = "usb";
  topology.disks.front().driver = "usb-storage";
  EXPECT_THAT(only(topology, "sda").evidence, ElementsAre("sda is driven by usb-storage (USB), with 1 queue."));
}

TEST(Machines, WithoutAHypervisorAreNoGuestsWhateverTheVendor) {
  const Topology topology = scan(Guest("laptop"), "");
  EXPECT_EQ(topology.vmm, "");
  EXPECT_FALSE(is_guest(topology));
  EXPECT_THAT(found(topology, "sda", {{5'000, 0, 0, 0}, {}}), IsEmpty());
  EXPECT_EQ(choose_platforms(topology, std::nullopt).reason, "This machine does not look like a guest.");
}

TEST(Machines, WithADeviceTreeAreToldByIt) {
  Topology topology = scan(Guest("device-tree"), std::nullopt);
  EXPECT_EQ(topology.vmm, "qemu");
  EXPECT_THAT(found(topology, "vda", kFourCpusOneInterrupted), ElementsAre("single_queue warning"));
  topology.vmm = "";  // the disk is virtio all the same
  EXPECT_THAT(choose_platforms(topology, std::nullopt).platforms, Not(IsEmpty()));
  EXPECT_THAT(choose_platforms(topology, std::nullopt).reason, HasSubstr("cannot tell on which hypervisor"));
}

TEST(Machines, OfS390AreNotToldOfWhatDoesNotRunThere) {
  Guest guest("virtio-ccw");
  guest.file("proc/sysinfo", "VM00 Control Program: KVM/Linux");
  const Topology topology = scan(guest, std::nullopt);
  EXPECT_EQ(topology.vmm, "kvm");
  EXPECT_THAT(
      choose_platforms(topology, std::nullopt).platforms,
      ElementsAre(Platform::kQemu, Platform::kLibvirt, Platform::kOvirt, Platform::kKubevirt, Platform::kOpenStack));
}

// ---- types of queues

TEST(QueuesByType, OfNvmeAreJudgedForTheRequestsThatUseThem) {
  const Topology topology = scan(Guest("nvme-write-queues"));
  std::string types;
  for (const HardwareQueue& queue : disk_of(topology, "nvme0n1").queues)
    types += queue.type ? "drp"[static_cast<int>(*queue.type)] : '?';
  EXPECT_EQ(types, "ddddrrrrrrrrpppp");
  EXPECT_EQ(needed_vectors(disk_of(topology, "nvme0n1")), 13U);

  const std::vector<std::uint64_t> all(8, 25'000);
  const Load writes = {all, {0, 40'000, 0, 40'000, 0, 40'000, 0, 40'000}};
  const Found limited = only(topology, "nvme0n1", writes);
  EXPECT_EQ(limited.severity, Severity::kWarning);
  EXPECT_EQ(limited.remedy, Remedy::kLiftGuestLimit);
  EXPECT_THAT(limited.evidence,
              ElementsAre("For all but reads nvme0n1 has 4 queues for 8 online vCPUs.", HasSubstr("20,000 requests/s"),
                          HasSubstr("8 were in flight"), HasSubstr("interrupts/s land on"),
                          HasSubstr("What that costs was not measured"),
                          "The module parameter nvme.write_queues is 4. Reads have 8 queues, all other requests 4.",
                          HasSubstr("4 queues are polled (module parameter nvme.poll_queues): only requests that ask"),
                          "How many interrupt vectors it has could not be read, which takes root."));
  EXPECT_THAT(found(topology, "nvme0n1", writes), ElementsAre("guest_limits_queues warning"));

  const Load reads = {all, {20'000, 20'000, 20'000, 20'000, 20'000, 20'000, 20'000, 20'000}, QueueType::kRead};
  EXPECT_THAT(found(topology, "nvme0n1", reads), IsEmpty());
  EXPECT_THAT(found(topology, "nvme0n1"), ElementsAre("guest_limits_queues info"));
}

// ---- names and places

TEST(Names, OfDisksHaveASlashAndTheirFilesDoNot) {
  const test::Tree tree = Guest("aoe").unpack();
  const auto filter = DeviceFilter::create("^etherd/", "");
  const auto topology = scan_topology(tree.paths, *filter, std::nullopt);
  ASSERT_TRUE(topology);
  ASSERT_EQ(topology->disks.size(), 1U);
  EXPECT_EQ(topology->disks[0].name, "etherd/e1.1");
  EXPECT_TRUE(read_diskstats(tree.paths)->contains("etherd/e1.1"));
  EXPECT_TRUE(check_none_hidden(tree.paths, *topology, *topology));
}

TEST(Counts, OfInterruptsThatSysfsCutAreNone) {
  const test::Tree tree = Guest("many-cpus").unpack();
  const auto filter = DeviceFilter::create("", "");
  const auto topology = scan_topology(tree.paths, *filter, std::nullopt);
  ASSERT_TRUE(topology);
  EXPECT_EQ(topology->possible_list.size(), 512U);
  EXPECT_FALSE(read_interrupt_counts(tree.paths, 30, topology->possible_list));
}

TEST(Channels, OfS390AreNotMmio) {
  const Topology topology = scan(Guest("virtio-ccw"), std::nullopt);
  EXPECT_EQ(disk_of(topology, "vda").transport, "virtio-ccw");
  EXPECT_FALSE(is_hosts_disk(disk_of(topology, "dasda")));
}

TEST(Layers, AreSaidInASentence) {
  Disk disk;
  disk.name = "dm-3";
  EXPECT_EQ(about_layers(disk), "");
  disk.stacking.layer = Layer{"dm-3", "", ""};
  EXPECT_EQ(about_layers(disk), "dm-3 is made of other disks: requests to it are counted there, too.");
  disk.stacking = {Layer{"dm-3", "mpatha", "mpath"}, {"sdb", "sdc"}, {{"md0", "", "raid1"}}};
  EXPECT_EQ(about_layers(disk),
            "dm-3 is mpatha (mpath) on sdb, sdc: requests to it are counted there, too. dm-3 holds md0 (raid1).");
  disk.stacking = {{}, {}, std::vector<Layer>(11, {"dm-1", "vg0-root", "LVM"})};
  EXPECT_THAT(about_layers(disk), ::testing::EndsWith("vg0-root (LVM) and 3 more."));
}

}  // namespace
}  // namespace vqscope
