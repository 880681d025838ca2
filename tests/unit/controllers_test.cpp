// SPDX-License-Identifier: Apache-2.0
// Who is behind a disk's controller: hardware that is passed through, an imitation, a network, or nobody that is known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/diagnosis/controller_ids.h"
#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/platform.h"
#include "agent/diagnosis/remedies.h"
#include "tests/unit/disk_case.h"
#include "tests/unit/scanned_guest.h"

namespace vqscope::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// One read in fifty takes a hundred times as long at the device.
Measured with_a_tail(const Disk& disk, const Load& load = {}) {
  Measured measured = test::measure(disk, load);
  measured.seconds = 10;
  measured.has_requests = true;
  Case::add(measured.ops[VQS_READ].device, 200e-6, 9'800);
  Case::add(measured.ops[VQS_READ].device, 20e-3, 200);
  Case::add(measured.ops[VQS_READ].queue, 2e-6, 10'000);
  return measured;
}

std::vector<Finding> with_tail(const Topology& topology, const Disk& disk) {
  return find_all(DiskEvidence{topology, disk, with_a_tail(disk)});
}

std::vector<std::string> ids_of(const Topology& topology, const Disk& disk, const Load& load) {
  std::vector<std::string> ids;
  for (const Finding& finding : find_all(DiskEvidence{topology, disk, with_a_tail(disk, load)}))
    ids.emplace_back(finding.kind->id);
  return ids;
}

std::string text_of(const Instructions& instructions) {
  std::string text = instructions.summary;
  for (const Step& step : instructions.steps) text += "\n" + step.where + ": " + step.text + "\n" + step.snippet;
  return text;
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

TEST(PassedThrough, DrivesAnswerThemselves) {
  for (const auto& [fixture, name] : {std::pair("passed-through-nvme", "nvme0n1"),
                                      {"passed-through-hba", "sda"},
                                      {"passed-through-megaraid", "sda"},
                                      {"passed-through-mtip32xx", "rssda"}}) {
    const Topology topology = scan(Guest(fixture));
    const Disk& disk = disk_of(topology, name);
    EXPECT_TRUE(is_passed_through(topology, disk)) << fixture;
    const auto all = with_tail(topology, disk);
    ASSERT_EQ(all.size(), 1U) << fixture;
    EXPECT_EQ(all[0].kind->id, "host_latency");
    EXPECT_THAT(all[0].found.evidence,
                Contains(ContainsRegex(
                    "is passed through, so (the drive itself|its adapter, with what is behind it,) answers")));
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

TEST(PassedThrough, AreDrivesOfAMakerOfDrivesWhateverTheHypervisor) {
  for (const auto& [vendor, product] : {std::pair("VMware, Inc.", "VMware20,1"),
                                        {"Xen", "HVM domU"},
                                        {"Microsoft Corporation", "Virtual Machine"},
                                        {"Nutanix", "AHV"},
                                        {"Alibaba Cloud", "Alibaba Cloud ECS"}}) {
    Guest guest("passed-through-nvme");
    guest.file("sys/class/dmi/id/sys_vendor", vendor).file("sys/class/dmi/id/product_name", product);
    const Topology topology = scan(guest);
    EXPECT_TRUE(is_passed_through(topology, topology.disks[0])) << vendor;
    EXPECT_THAT(ids_of(topology, topology.disks[0], kEightCpus), Not(Contains(HasSubstr("queue")))) << vendor;
  }
}

TEST(PassedThrough, IsNotWhatAHypervisorOrAProviderMakes) {
  Topology topology = scan(Guest("passed-through-nvme"));
  for (const std::uint32_t id : {0x1b36'0010U, 0x8086'5845U, 0x15ad'07f0U, 0x80ee'4e56U, 0xfb5d'0a0aU, 0x1414'b111U,
                                 0x1d0f'8061U, 0x1ae0'001fU, 0x4e58'0001U, 0x8086'1457U}) {
    topology.disks[0].facts.pci_id = id;
    EXPECT_FALSE(is_passed_through(topology, topology.disks[0])) << std::hex << id;
  }
  topology.vmm = "powervm";  // which makes none
  EXPECT_TRUE(is_passed_through(topology, topology.disks[0]));
}

TEST(PassedThrough, IsNotWhatAHypervisorMakes) {
  EXPECT_FALSE(is_passed_through(scan(Guest("virtio-scsi")), scan(Guest("virtio-scsi")).disks[0]));
  Topology topology = scan(Guest("pvscsi"));
  EXPECT_FALSE(is_passed_through(topology, topology.disks[0]));
  topology.vmm = "vmware";
  EXPECT_FALSE(is_passed_through(topology, topology.disks[0]));
}

TEST(PassedThrough, AreScsiControllersByTheirPciIds) {
  Topology topology = scan(Guest("passed-through-megaraid"));
  EXPECT_EQ(topology.disks[0].facts.pci_id, 0x1000'005dU);
  EXPECT_THAT(found(topology, "sda", kEightCpusOneInterrupted), IsEmpty()) << "one queue is what its driver takes";
  const struct {
    std::uint32_t id;
    std::optional<std::uint32_t> board;
    bool real;
  } controllers[] = {
      {0x1000'0079, 0x1028'1f17, true},  {0x1000'0058, 0x1028'1f10, true},  {0x1000'005b, 0x1000'9285, true},
      {0x1000'0079, 0x1000'9261, false}, {0x1000'0060, 0x1000'1013, false},  // QEMU's megasas-gen2 and megasas
      {0x1000'0054, 0x1000'8000, false}, {0x1000'0054, 0x15ad'1976, false},  // of QEMU and of VMware
      {0x1000'0012, 0x0000'1000, false}, {0x1022'2020, 0x1af4'1100, false}, {0x1000'0030, 0x1000'8000, false},
      {0x104b'1040, 0x104b'1040, false}, {0x1b36'0013, 0x1af4'1100, false}, {0x1000'0079, std::nullopt, false},
  };
  for (const auto& [id, board, real] : controllers) {
    topology.disks[0].facts.pci_id = id;
    topology.disks[0].facts.pci_subsystem = board;
    EXPECT_EQ(is_passed_through(topology, topology.disks[0]), real) << std::hex << id;
    EXPECT_EQ(is_emulated(topology, topology.disks[0]), !real) << std::hex << id;
  }
  topology.disks[0].facts = {};  // of a recording without them
  EXPECT_TRUE(is_emulated(topology, topology.disks[0]));
}

TEST(Networks, AnswerForTheirDisksWhateverAdapterIsPassedThrough) {
  for (const auto& [fixture, transport] : {std::pair("srp", "srp"), {"fc-hba", "fc"}}) {
    const Topology topology = scan(Guest(fixture));
    const Disk& disk = topology.disks[0];
    EXPECT_EQ(disk.transport, transport);
    EXPECT_FALSE(is_hosts_disk(disk)) << fixture;
    EXPECT_FALSE(is_passed_through(topology, disk)) << fixture;
    EXPECT_THAT(with_tail(topology, disk), IsEmpty()) << fixture;
    EXPECT_THAT(found(topology, "sda", kFourCpusOneInterrupted), IsEmpty()) << fixture;
  }
}

TEST(UnknownMakers, AreNotSaidToBeHardwareNorTheHypervisors) {
  Guest one_queue("spdk-nvme");
  for (const char* queue : {"1", "2", "3"})
    one_queue.remove(std::string("sys/devices/pci0000:00/0000:00:05.0/nvme/nvme0/nvme0n1/mq/") + queue);
  const Topology topology = scan(one_queue);
  EXPECT_TRUE(is_of_unknown_maker(topology.disks[0]));
  const auto all = with_tail(topology, topology.disks[0]);
  ASSERT_FALSE(all.empty());
  const auto slow = std::find_if(all.begin(), all.end(), [](const Finding& f) { return f.kind->id == "host_latency"; });
  ASSERT_NE(slow, all.end());
  EXPECT_THAT(slow->found.evidence, Contains(AllOf(HasSubstr("What answers is not known"), HasSubstr("(4e58:0001)"))));
  for (const Platform platform : {Platform::kQemu, Platform::kCloudHypervisor}) {
    const Instructions queues = instructions_for(Remedy::kMoreQueues, &topology.disks[0], topology, {platform});
    EXPECT_FALSE(queues.helps);
    EXPECT_THAT(queues.steps, IsEmpty());
    EXPECT_THAT(text_of(instructions_for(Remedy::kHostIo, &topology.disks[0], topology, {platform})),
                AllOf(HasSubstr("on the host what is slow"), Not(HasSubstr("passed through"))));
  }
}

TEST(EmulatedBuses, OfHyperVAndXenAreLeftInThisGuest) {
  const auto remedy_of = [](const char* fixture) {
    const Topology topology = scan(Guest(fixture), std::nullopt);
    const Found bus = only(topology, "sda", {{5'000, 0, 0, 0}, {}});
    EXPECT_EQ(bus.remedy, Remedy::kUseVirtio) << fixture;
    return instructions_for(bus.remedy, &topology.disks[0], topology, {});
  };
  const Instructions hyperv = remedy_of("hyperv-ide"), xen = remedy_of("xen-ide");
  EXPECT_EQ(hyperv.in_short, "let this guest drive it by hv_storvsc");
  EXPECT_THAT(text_of(hyperv), AllOf(HasSubstr("prefer_ms_hyperv"), HasSubstr("does not boot from its SCSI controller"),
                                     Not(HasSubstr("Attach"))));
  EXPECT_THAT(text_of(xen), AllOf(HasSubstr("xen_emul_unplug"), HasSubstr("XEN_(BLKDEV_FRONTEND|PVHVM)="),
                                  HasSubstr("xen_platform_pci=0"), Not(HasSubstr("Attach"))));
  for (const Instructions& instructions : {hyperv, xen})
    for (const Step& step : instructions.steps)
      EXPECT_TRUE(step.caution || step.snippet.find('>') == std::string::npos) << step.text;
}

TEST(EmulatedBuses, AreLeftForWhatTheHypervisorHas) {
  Topology topology = scan(Guest("ahci"));
  const auto remedy = [&](const char* vmm) {
    topology.vmm = vmm;
    return instructions_for(Remedy::kUseVirtio, &topology.disks[0], topology, {});
  };
  EXPECT_THAT(text_of(remedy("bhyve")), AllOf(HasSubstr("as a virtio-blk or an nvme device"), Not(HasSubstr("vfio"))));
  EXPECT_EQ(remedy("parallels").in_short, "ask for a bus that was made for guests");
  EXPECT_THAT(text_of(remedy("parallels")), AllOf(HasSubstr("Ask whether the disk"), Not(HasSubstr("vfio"))));
}

TEST(EmulatedBuses, HaveSpaprVscsiAmongThem) {
  Topology topology = scan(Guest("spapr-vscsi"), std::nullopt);
  EXPECT_EQ(topology.vmm, "qemu");
  EXPECT_THAT(found(topology, "sda", kFourCpus), ElementsAre("emulated_bus warning"));
  topology.vmm = "powervm";  // which was made with it
  EXPECT_THAT(found(topology, "sda", kFourCpus), IsEmpty());
  EXPECT_TRUE(is_hosts_disk(topology.disks[0]));
  EXPECT_FALSE(is_passed_through(topology, topology.disks[0]));
}

TEST(Platforms, AreThoseOfTheArchitecture) {
  const auto platforms = [](const char* vmm, const char* cpuinfo) {
    Topology topology = scan(Guest("virtio-blk").file("proc/cpuinfo", cpuinfo), std::nullopt);
    topology.vmm = vmm;
    return choose_platforms(topology, std::nullopt).platforms;
  };
  const char *power = "processor\t: 0\nplatform\t: pSeries\n",
             *riscv = "processor\t: 0\nhart\t\t: 0\nisa\t\t: rv64imafdc\n";
  EXPECT_THAT(platforms("qemu", power), ElementsAre(Platform::kQemu, Platform::kLibvirt, Platform::kOvirt));
  EXPECT_THAT(platforms("qemu", riscv), ElementsAre(Platform::kQemu, Platform::kLibvirt));
  EXPECT_THAT(platforms("kvm", riscv),
              ElementsAre(Platform::kQemu, Platform::kLibvirt, Platform::kOpenStack, Platform::kCloudHypervisor));
  EXPECT_THAT(platforms("kvm", "processor\t: 0\nFeatures\t: fp\n"), SizeIs(kPlatforms.size()));
}

TEST(Platforms, AreThoseThatHaveSuchDisks) {
  for (const char* fixture : {"ahci", "virtio-scsi", "pvscsi"}) {
    Topology topology = scan(Guest(fixture));
    topology.vmm = "kvm";
    EXPECT_THAT(choose_platforms(topology, std::nullopt).platforms,
                AllOf(Contains(Platform::kLibvirt), Not(Contains(Platform::kFirecracker)),
                      Not(Contains(Platform::kCloudHypervisor))))
        << fixture;
  }
}

TEST(Platforms, AreNotGuessedWhereTheFirmwareNamesAnother) {
  const struct {
    const char *vendor, *product, *reason;
  } cases[] = {{"ChromiumOS", "crosvm", "This guest runs on crosvm."},
               {"Virtuozzo", "Virtuozzo", "This guest runs on Virtuozzo."},
               {"Yandex", "xeon-gold-6230", "This guest runs on Yandex Cloud."},
               {"Volcengine", "Volcengine ECS", "This guest runs on Volcengine."}};
  for (const auto& c : cases) {
    Guest guest("virtio-mmio");
    guest.file("sys/class/dmi/id/sys_vendor", c.vendor).file("sys/class/dmi/id/product_name", c.product);
    const PlatformChoice choice = choose_platforms(scan(guest), std::nullopt);
    EXPECT_EQ(choice.reason, c.reason);
    EXPECT_THAT(choice.platforms, IsEmpty()) << c.vendor;
  }
}

}  // namespace
}  // namespace vqscope::test
