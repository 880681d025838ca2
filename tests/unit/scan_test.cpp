// SPDX-License-Identifier: Apache-2.0
// scan_topology() on guests of tests/fixtures, and its neighbours in scan.h.
#include "agent/topology/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/scan_case.h"

namespace vqscope::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ScanTopology, OfAFirecrackerGuest) {
  EXPECT_EQ(
      scanned(Guest("firecracker")),
      "online=0,1 possible=2 vmm=firecracker\n"
      "vda driver=virtio_blk transport=virtio-pci bus=0000:00:02.0 scheduler=mq-deadline nr_requests=256 virtio1+0\n"
      "  queue 0 cpus=0,1 tags=128\n"
      "  irq 36 queue=0 virtio1-req.0\n");
}

// As an agent without root sees it: ACPI tables are not readable, names of ACPI devices are.
TEST(ScanTopology, TellsTheHypervisorByItsAcpiDevices) {
  const auto vmm = [](std::vector<const char*> devices) {
    Guest guest("firecracker");
    guest.remove("sys/firmware/acpi");
    for (const std::string device : devices) guest.file("sys/bus/acpi/devices/" + device + "/status", "15");
    const auto topology = scan(guest);
    return topology ? topology->vmm : "error: " + topology.error().message;
  };
  EXPECT_EQ(vmm({"PNP0A08:00", "VMGENCTR:00", "AMZNC10C:00"}), "firecracker");
  EXPECT_EQ(vmm({"FCVMGID:00"}), "firecracker");
  EXPECT_EQ(vmm({"QEMU0002:00", "AMZNC10C:00"}), "qemu");
  EXPECT_EQ(vmm({"QEMUVGID:00"}), "qemu");
  EXPECT_EQ(vmm({"VMGENCTR:00"}), "kvm");
  EXPECT_EQ(vmm({"AMZNC10C:00", "PNP0A08:00"}), "kvm");
}

// The nearest PCI device is the disk's; "virtio10-req.0" is not an interrupt of virtio1; dm-0 has no queues.
TEST(ScanTopology, OfVirtioBlkWithFourQueues) {
  EXPECT_EQ(scanned(Guest("virtio-blk")),
            "online=0,1,2,3 possible=4 vmm=qemu\n"
            "vda driver=virtio_blk transport=virtio-pci bus=0000:01:00.0 scheduler=none nr_requests=256 virtio1+0\n"
            "  queue 0 cpus=0 tags=256\n"
            "  queue 1 cpus=1 tags=256\n"
            "  queue 2 cpus=2 tags=256\n"
            "  queue 3 cpus=3 tags=256\n"
            "  irq 26 queue=0 virtio1-req.0\n"
            "  irq 27 queue=1 virtio1-req.1\n"
            "  irq 28 queue=2 virtio1-req.2\n"
            "  irq 29 queue=3 virtio1-req.3\n");
}

TEST(ScanTopology, AVectorOfAllVirtqueuesServesNoQueueInParticular) {
  Guest guest("virtio-blk");
  for (const char* irq : {"26", "27", "28", "29"}) guest.remove("sys/kernel/irq/" + std::string(irq));
  guest.irq(26, "virtio1-virtqueues", 524289, "7241,0,0,0");
  EXPECT_THAT(interrupts(guest), ElementsAre(InterruptLine{26, std::nullopt, "virtio1-virtqueues"}));
}

TEST(ScanTopology, AVectorOfAllVirtqueuesServesTheOnlyQueue) {
  Guest guest("firecracker");
  guest.irq(36, "virtio1-virtqueues", 1, "0,7");
  EXPECT_THAT(interrupts(guest), ElementsAre(InterruptLine{36, 0, "virtio1-virtqueues"}));
}

TEST(ScanTopology, APinInterruptServesNoQueueInParticular) {
  Guest guest("virtio-blk");
  for (const char* irq : {"25", "26", "27", "28", "29"}) guest.remove("sys/kernel/irq/" + std::string(irq));
  guest.irq(22, "uhci_hcd:usb1,virtio1,virtio10", 22, "1,2,3,4");
  EXPECT_THAT(interrupts(guest), ElementsAre(InterruptLine{22, std::nullopt, "virtio1"}));
}

TEST(ScanTopology, OfVirtioMmio) {
  EXPECT_EQ(scanned(Guest("virtio-mmio")),
            "online=0 possible=2 vmm=kvm\n"
            "vda driver=virtio_blk transport=virtio-mmio bus=LNRO0005:00 scheduler=none nr_requests=256 virtio0+0\n"
            "  queue 0 cpus=0,1 tags=128\n"
            "  irq 12 queue=0 virtio0\n");
}

TEST(ScanTopology, OfVirtioScsiOrdersRequestVectorsByHwirq) {
  const std::string lun =
      " driver=virtio_scsi transport=virtio-pci bus=0000:00:05.0 scheduler=mq-deadline nr_requests=256 virtio1+2\n"
      "  queue 0 cpus=0 tags=128\n"
      "  queue 1 cpus=1 tags=128\n"
      "  queue 2 cpus=2 tags=128\n"
      "  queue 3 cpus=3 tags=128\n"
      "  irq 27 queue=0 virtio1-request\n"
      "  irq 26 queue=1 virtio1-request\n"
      "  irq 25 queue=2 virtio1-request\n"
      "  irq 24 queue=3 virtio1-request\n";
  EXPECT_EQ(scanned(Guest("virtio-scsi")), "online=0,1,2,3 possible=4 vmm=qemu\nsda" + lun + "sdb" + lun);
}

TEST(ScanTopology, OfNvmeGivesEachNamespaceTheControllersVectors) {
  const std::string disk =
      " driver=nvme transport=pci bus=0000:00:04.0 scheduler=none nr_requests=1023\n"
      "  queue 0 cpus=0 tags=1023\n"
      "  queue 1 cpus=1 tags=1023\n"
      "  queue 2 cpus=2 tags=1023\n"
      "  queue 3 cpus=3 tags=1023\n"
      "  irq 31 queue=0 nvme0q1\n"
      "  irq 32 queue=1 nvme0q2\n"
      "  irq 33 queue=2 nvme0q3\n"
      "  irq 34 queue=3 nvme0q4\n";
  EXPECT_EQ(scanned(Guest("nvme")), "online=0,1,2,3 possible=4 vmm=qemu\nnvme0n1" + disk + "nvme0n2" + disk);
}

TEST(ScanTopology, AnNvmeQueueMayShareTheAdminQueuesLine) {
  Guest guest("nvme");
  for (const char* irq : {"30", "31", "32", "33", "34"}) guest.remove("sys/kernel/irq/" + std::string(irq));
  guest.irq(30, "nvme0q0, nvme0q1", 0, "24,0,0,0");
  EXPECT_THAT(interrupts(guest), ElementsAre(InterruptLine{30, 0, "nvme0q1"}));
}

// With native multipath, nvme0n1 is a bio-based head, and the requests go through hidden disks such as nvme0c1n1.
TEST(ScanTopology, AnNvmePathBelongsToTheControllerThatCarriesIt) {
  Guest guest("nvme");
  const std::string head = "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1";
  const std::string path = "sys/devices/pci0000:00/0000:00:05.0/nvme/nvme1/nvme0c1n1";
  for (const char* disk : {"nvme0n1", "nvme0n2"}) guest.remove("sys/block/" + std::string(disk));
  guest.link("sys/block/nvme0n1", "../" + head.substr(4)).file(head + "/size", "20971520");
  guest.link("sys/block/nvme0c1n1", "../" + path.substr(4)).file(path + "/size", "20971520");
  guest.file(path + "/mq/0/cpu_list", "0, 1, 2, 3").file(path + "/mq/0/nr_tags", "1023");
  EXPECT_EQ(scanned(guest),
            "online=0,1,2,3 possible=4 vmm=qemu\n"
            "nvme0c1n1 driver=nvme transport=pci bus=0000:00:05.0 scheduler= nr_requests=-\n"
            "  queue 0 cpus=0,1,2,3 tags=1023\n"
            "  irq 35 queue=0 nvme1q1\n");
}

TEST(ScanTopology, AnNvmeDiskOverTheNetworkIsNotOnPci) {
  Guest guest("nvme");
  const std::string disk = "sys/devices/virtual/nvme-fabrics/ctl/nvme2/nvme2n1";
  for (const char* name : {"nvme0n1", "nvme0n2"}) guest.remove("sys/block/" + std::string(name));
  guest.link("sys/block/nvme2n1", "../" + disk.substr(4)).file(disk + "/size", "20971520");
  guest.file(disk + "/mq/0/cpu_list", "0, 1, 2, 3").file(disk + "/mq/0/nr_tags", "127");
  const auto topology = scan(guest);
  ASSERT_TRUE(topology);
  ASSERT_EQ(topology->disks.size(), 1U);
  EXPECT_NE(topology->disks[0].transport, "pci");
  EXPECT_EQ(topology->disks[0].bus_id, "");
  EXPECT_THAT(topology->disks[0].interrupts, IsEmpty());
}

TEST(ScanTopology, OfAhciTakesTheLinesOfThePciDevice) {
  EXPECT_EQ(scanned(Guest("ahci")),
            "online=0,1 possible=2 vmm=qemu\n"
            "sda driver=ahci transport=ata bus=0000:00:1f.2 scheduler=mq-deadline nr_requests=64\n"
            "  queue 0 cpus=0,1 tags=32\n"
            "  irq 27 queue=0 ahci[0000:00:1f.2]\n");
}

TEST(ScanTopology, OfAnIdeControllerInCompatibilityModeFindsTheInterruptOfEachPort) {
  const std::string disk =
      " driver=ata_piix transport=ata bus=0000:00:01.1 scheduler=none nr_requests=1\n"
      "  queue 0 cpus=0,1,2,3 tags=1\n";
  EXPECT_EQ(scanned(Guest("ide")), "online=0,1,2,3 possible=4 vmm=qemu\nsda" + disk + "  irq 14 queue=0 ata_piix\nsdb" +
                                       disk + "  irq 15 queue=0 ata_piix\n");
}

TEST(ScanTopology, AnIdePortInNativeModeHasTheControllersInterrupt) {
  Guest guest("ide");
  guest.file("sys/devices/pci0000:00/0000:00:01.1/class", "0x010185");
  guest.file("sys/devices/pci0000:00/0000:00:01.1/irq", "21");
  guest.irq(21, "ata_piix", 21, "1,2,3,4");
  EXPECT_THAT(interrupts(guest), ElementsAre(InterruptLine{21, 0, "ata_piix"}));
}

TEST(ScanTopology, AnIdePortOfAnUnknownNumberHasNoInterrupt) {
  for (const char* number : {"", "0", "3", "-1", "x"}) {
    Guest guest("ide");
    guest.file("sys/devices/pci0000:00/0000:00:01.1/ata1/ata_port/ata1/port_no", number);
    EXPECT_THAT(interrupts(guest), IsEmpty()) << number;
  }
}

TEST(ScanTopology, AnIdeControllerOfAnUnknownKindHasNoInterrupt) {
  for (const char* type : {"", "0x0101", "0x01018", "0x01018g", "0x010680"}) {
    Guest guest("ide");
    guest.file("sys/devices/pci0000:00/0000:00:01.1/class", type);
    EXPECT_THAT(interrupts(guest), IsEmpty()) << type;
  }
}

TEST(ScanTopology, OfAhciWithoutMsiTakesThePinsLine) {
  Guest guest("ahci");
  guest.remove("sys/devices/pci0000:00/0000:00:1f.2/msi_irqs").file("sys/devices/pci0000:00/0000:00:1f.2/irq", "16");
  guest.irq(16, "i801_smbus,ahci[0000:00:1f.2]", 16, "1,1");
  EXPECT_THAT(interrupts(guest), ElementsAre(InterruptLine{16, 0, "ahci[0000:00:1f.2]"}));
}

TEST(ScanTopology, ASharedLineWithoutAHandlerOfTheDriverIsNotTheDisks) {
  Guest guest("ahci");
  guest.irq(27, "i801_smbus,eth0", 0, "1,1");
  EXPECT_THAT(interrupts(guest), IsEmpty());
  guest.irq(27, "some_name", 0, "1,1");
  EXPECT_THAT(interrupts(guest), ElementsAre(InterruptLine{27, 0, "some_name"})) << "alone on the line";
}

TEST(ScanTopology, LeavesOutDisksWithoutASizeOrQueuesWhateverTheFilter) {
  const auto topology = scan(Guest("firecracker"), filter("."));
  ASSERT_TRUE(topology);
  ASSERT_EQ(topology->disks.size(), 1U) << "loop0 and zram0 have size 0";
  EXPECT_EQ(topology->disks[0].name, "vda");
  const auto mapped = scan(Guest("virtio-blk"), filter("^dm-"));
  ASSERT_TRUE(mapped);
  EXPECT_THAT(mapped->disks, IsEmpty()) << "dm-0 is bio-based";
}

TEST(ScanTopology, MeasuresALoopDeviceWhenAskedFor) {
  Guest guest("firecracker");
  guest.file("sys/devices/virtual/block/loop0/size", "2048");
  guest.file("sys/devices/virtual/block/loop0/queue/scheduler", "[none] mq-deadline");
  guest.file("sys/devices/virtual/block/loop0/queue/nr_requests", "128");
  EXPECT_EQ(scanned(guest, filter("^loop")),
            "online=0,1 possible=2 vmm=firecracker\n"
            "loop0 driver= transport=virtual bus= scheduler=none nr_requests=128\n"
            "  queue 0 cpus=0,1 tags=128\n");
  EXPECT_EQ(scan(guest)->disks.size(), 1U) << "by default it is left out";
}

TEST(ScanTopology, QueuesAreInNumericalOrder) {
  Guest guest("firecracker");
  for (int i = 1; i < 12; ++i) guest.file(std::string(kVda) + "/mq/" + std::to_string(i) + "/cpu_list", "1");
  const auto topology = scan(guest);
  ASSERT_TRUE(topology);
  std::vector<std::uint32_t> order;
  for (const HardwareQueue& queue : topology->disks.at(0).queues) order.push_back(queue.index);
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
}

TEST(ScanTopology, DisksHaveDifferentIdentities) {
  const auto topology = scan(Guest("virtio-scsi"));
  ASSERT_TRUE(topology);
  std::set<std::uint64_t> identities = {0};
  for (const Disk& disk : topology->disks) EXPECT_TRUE(identities.insert(disk.identity).second) << disk.name;
}

TEST(ScanTopology, NamesOnTheWayToTheRootAreNotTakenForDevices) {
  const Tree tree = Guest("ahci").unpack("mnt/0000:00:09.0/virtio7/nvme3/host5/rootfs");
  const auto topology = scan_topology(tree.paths, filter(), "KVMKVMKVM");
  ASSERT_TRUE(topology);
  EXPECT_EQ(render(*topology), scanned(Guest("ahci")));
}

// ---- the other readers of scan.h

TEST(ReadInterruptCounts, ReadsTheCountsOfALine) {
  const Tree tree = Guest("virtio-blk").unpack();
  EXPECT_THAT(read_interrupt_counts(tree.paths, 27, {0, 1, 2, 3}).value(), ElementsAre(0, 7303, 0, 0));
  const auto missing = read_interrupt_counts(tree.paths, 99, {0});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("kernel/irq/99/per_cpu_count"));
}

TEST(ReadDiskstats, ReadsAllDisks) {
  const Tree tree = Guest("firecracker").unpack();
  EXPECT_GT(read_diskstats(tree.paths).value().at("vda").time_in_queue_ms, 0U);
}

TEST(ReadDiskstats, ErrorsNameTheFile) {
  const Tree missing = Guest("nvme").unpack();
  ASSERT_FALSE(read_diskstats(missing.paths));
  EXPECT_THAT(read_diskstats(missing.paths).error().message, HasSubstr("proc/diskstats"));
  const Tree garbage = Guest("nvme").file("proc/diskstats", "garbage").unpack();
  ASSERT_FALSE(read_diskstats(garbage.paths));
  EXPECT_THAT(read_diskstats(garbage.paths).error().message, HasSubstr("proc/diskstats: line 1"));
}

}  // namespace
}  // namespace vqscope::test
