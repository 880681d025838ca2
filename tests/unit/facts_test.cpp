// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

// Configuration space of a PCI device with these capabilities, chained from 0x40 on: {id, second word's low half}.
std::string config_space(std::vector<std::pair<int, int>> capabilities) {
  std::string config(256, '\0');
  config[6] = 0x10;
  std::size_t offset = 0x40, link = 0x34;
  for (const auto& [id, control] : capabilities) {
    config[link] = static_cast<char>(offset);
    config[offset] = static_cast<char>(id);
    config[offset + 2] = static_cast<char>(control & 0xff);
    config[offset + 3] = static_cast<char>(control >> 8);
    link = offset + 1;
    offset += 16;
  }
  return config;
}

TEST(VirtioFeatures, AreBitZeroFirst) {
  EXPECT_THAT(parse_virtio_features("0010\n"), Optional(4U));
  EXPECT_THAT(parse_virtio_features("0000000000001" + std::string(115, '0')), Optional(1U << 12));
  EXPECT_TRUE(has_blk_multiqueue(1U << 12));
  EXPECT_FALSE(has_blk_multiqueue(1U << 28));
  EXPECT_TRUE(has_indirect_descriptors(1U << 28));
}

TEST(VirtioFeatures, BitsBeyond64AreLeftOut) {
  EXPECT_THAT(parse_virtio_features(std::string(64, '0') + "1"), Optional(0U));
}

TEST(VirtioFeatures, AnythingElseIsAbsent) {
  for (const char* text : {"", "\n", "0102", "yes", "0 1"})
    EXPECT_EQ(parse_virtio_features(text), std::nullopt) << text;
}

TEST(MsixVectors, AreOneMoreThanTheTableSizeField) {
  EXPECT_THAT(parse_msix_vectors(config_space({{0x09, 0}, {0x11, 4}})), Optional(5U));
  EXPECT_THAT(parse_msix_vectors(config_space({{0x11, 0x8001}})), Optional(2U));  // enabled, as on Firecracker
  EXPECT_THAT(parse_msix_vectors(config_space({{0x11, 0x7ff}})), Optional(2048U));
}

TEST(MsixVectors, AreNoneWithoutTheCapability) {
  EXPECT_THAT(parse_msix_vectors(config_space({{0x09, 0}})), Optional(0U));
  EXPECT_EQ(parse_msix_vectors(""), std::nullopt);
  std::string without_list = config_space({{0x11, 4}});
  without_list[6] = 0;
  EXPECT_THAT(parse_msix_vectors(without_list), Optional(0U));
}

TEST(MsixVectors, OfDamagedOrCutConfigurationsAreAbsent) {
  EXPECT_EQ(parse_msix_vectors(config_space({{0x09, 0}, {0x11, 4}}).substr(0, 64)), std::nullopt);
  std::string loop = config_space({{0x09, 0}});
  loop[0x41] = 0x40;
  EXPECT_EQ(parse_msix_vectors(loop), std::nullopt);
  std::string outside = config_space({{0x09, 0}});
  outside[0x41] = static_cast<char>(0xff);
  EXPECT_EQ(parse_msix_vectors(outside), std::nullopt);
}

TEST(CpuTimes, AreByCpuNumberAndLeaveTheTotalLineOut) {
  EXPECT_THAT(parse_cpu_times("cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 100 100\ncpu2 10 0 0 0 0 0 0 1 0 0\n"
                              "intr 12\nctxt 5\n"),
              ElementsAre(CpuTime{36, 8, 9}, CpuTime{}, CpuTime{11, 1, 0}));
}

TEST(CpuTimes, OfLinesThatMakeNoSenseAreLeftOut) {
  EXPECT_THAT(parse_cpu_times("cpu0 1 2\ncpu1 a b c d e f g h\ncpux 1 2 3 4 5 6 7 8\ncpu99999 1 2 3 4 5 6 7 8\n"),
              IsEmpty());
}

TEST(Latecomers, RanClearlyShorterThanTheOldestCpu) {
  const std::vector<std::uint32_t> online = {0, 1, 2, 3};
  EXPECT_THAT(latecomers({{1'000'000, 0}, {999'000, 0}, {500'000, 0}, {899'000, 0}}, online), ElementsAre(2, 3));
  EXPECT_THAT(latecomers({{1'000'000, 0}, {901'000, 0}}, online), IsEmpty());
  EXPECT_THAT(latecomers({{5'000, 0}, {100, 0}}, online), IsEmpty());  // a minute has not passed yet
  EXPECT_THAT(latecomers({{1'000'000, 0}, {0, 0}}, online), IsEmpty());
  EXPECT_THAT(latecomers({}, online), IsEmpty());
}

TEST(LateCpus, AreThoseThatSysfsGotAfterWhatTheBootPutThere) {
  TreeReader reader;
  const auto cpu = reader.order_of_creation("/sys/devices/system/cpu/cpu0");
  if (!cpu) GTEST_SKIP() << "/sys is not the kernel's";
  EXPECT_LT(cpu, reader.order_of_creation("/sys/devices/system/clocksource"));
  EXPECT_GT(reader.order_of_creation("/sys/class/block"), 0U);
  EXPECT_EQ(reader.order_of_creation("/sys/no/such/file"), std::nullopt);
  // What /proc/stat says does not matter then.
  const auto tree =
      test::Guest("virtio-blk").file("proc/stat", "cpu0 0 0 0 9 0 0 0 0\ncpu1 0 0 0 100000 0 0 0 0\n").unpack();
  EXPECT_THAT(late_cpus(reader, {"/sys", tree.paths.procfs}, {0}), IsEmpty());
}

TEST(LateCpus, OfACopyAreThoseThatRanShorter) {
  const auto tree = test::Guest("virtio-blk")
                        .file("proc/stat", "cpu0 0 0 0 100000 0 0 0 0\ncpu1 0 0 0 10000 0 0 0 0\n")
                        .file("sys/devices/system/clocksource/uevent", "")
                        .unpack();
  TreeReader reader;
  EXPECT_EQ(reader.order_of_creation(tree.paths.sysfs / "devices/system/clocksource"), std::nullopt);
  EXPECT_THAT(late_cpus(reader, tree.paths, {0, 1}), ElementsAre(1));
}

TEST(Facts, OfAGuestAreReadBelowItsRoot) {
  const auto tree =
      test::Guest("virtio-blk")
          .file("sys/bus/virtio/devices/virtio1/features", "0000000000001000000000000000100000")
          .file("sys/bus/pci/devices/0000:01:00.0/config", config_space({{0x11, 4}}))
          .file("sys/devices/pci0000:00/0000:00:02.0/0000:01:00.0/virtio1/block/vda/queue/wbt_lat_usec", "2000")
          .file("sys/devices/pci0000:00/0000:00:02.0/0000:01:00.0/virtio1/block/vda/queue/max_segments", "254")
          .file("sys/module/virtio_blk/parameters/num_request_queues", "3")
          .file("sys/module/virtio_blk/parameters/poll_queues", "0")
          .file("sys/class/dmi/id/sys_vendor", "oVirt")
          .file("proc/cmdline", "quiet virtio_blk.num_request_queues=3")
          .file("proc/stat", "cpu0 0 0 0 900000 0 0 0 0\ncpu1 0 0 0 100000 0 0 0 0")
          .unpack();
  const auto topology = scan_topology(tree.paths, *DeviceFilter::create("", ""), "");
  ASSERT_TRUE(topology) << topology.error().message;
  DiskFacts facts = topology->disks.at(0).facts;
  EXPECT_FALSE(facts.settings.empty());  // settings_test.cpp
  facts.settings.clear();
  EXPECT_EQ(facts, (DiskFacts{1U << 12 | 1U << 28, 5, 2000, std::nullopt, true, 254}));
  EXPECT_EQ(topology->guest,
            (GuestFacts{{1}, {3, 0, std::nullopt}, "quiet virtio_blk.num_request_queues=3", "ovirt", true}));
}

TEST(Facts, ThatCannotBeReadAreAbsent) {
  const auto tree = test::Guest("virtio-blk").unpack();
  const auto topology = scan_topology(tree.paths, *DeviceFilter::create("", ""), std::nullopt);
  ASSERT_TRUE(topology) << topology.error().message;
  DiskFacts by_name;  // of the interrupts
  by_name.uses_msi = true;
  EXPECT_EQ(topology->disks.at(0).facts, by_name);
  EXPECT_EQ(topology->guest, GuestFacts{});
}

TEST(Facts, OfAScsiDiskHaveItsQueueDepth) {
  const auto tree = test::Guest("virtio-scsi").unpack();
  auto topology = scan_topology(tree.paths, *DeviceFilter::create("", ""), "");
  ASSERT_TRUE(topology) << topology.error().message;
  const std::string name = topology->disks.at(0).name;
  const auto block = std::filesystem::canonical(tree.paths.sysfs / "block" / name);
  std::filesystem::create_directories(block / "device");
  std::ofstream(block / "device/queue_depth") << "128\n";
  topology = scan_topology(tree.paths, *DeviceFilter::create("", ""), "");
  EXPECT_THAT(topology->disks.at(0).facts.queue_depth, Optional(128U));
}

TEST(FactsOfRoot, AreKeptOfDisksThatAreStillTheSame) {
  Topology before, now;
  before.vmm = "firecracker";
  for (const auto& [name, identity] : {std::pair("vda", 7U), {"vdb", 8U}, {"vdc", 9U}}) {
    Disk disk;
    disk.name = name;
    disk.identity = identity;
    disk.bus_id = std::string("0000:00:02.") + name[2];
    disk.facts.msix_vectors = 2;
    before.disks.push_back(disk);
    disk.facts.msix_vectors.reset();
    now.disks.push_back(disk);
  }
  now.vmm = "kvm";
  now.disks[1].identity = 10;           // another disk of that name
  now.disks[2].facts.msix_vectors = 5;  // read anew
  keep_facts_of_root(before, now);
  EXPECT_EQ(now.vmm, "firecracker");
  EXPECT_THAT(now.disks[0].facts.msix_vectors, Optional(2U));
  EXPECT_EQ(now.disks[1].facts.msix_vectors, std::nullopt);
  EXPECT_THAT(now.disks[2].facts.msix_vectors, Optional(5U));
}

TEST(Manager, IsWhatDmiTells) {
  const struct {
    const char *vendor, *product, *manager;
  } cases[] = {
      {"oVirt", "oVirt Node", "ovirt"},
      {"Red Hat", "RHEV Hypervisor", "ovirt"},
      {"Red Hat", "RHV", "ovirt"},
      {"Red Hat", "KVM", ""},
      {"Red Hat", "RHEL", ""},
      {"Red Hat", "OpenShift Virtualization", "kubevirt"},
      {"Red Hat", "Container-native virtualization", "kubevirt"},
      {"Red Hat", "OpenStack Compute", "openstack"},
      {"KubeVirt", "None", "kubevirt"},
      {"OpenStack Foundation", "OpenStack Nova", "openstack"},
      {"Nutanix", "AHV", "Nutanix AHV"},
      {"Nutanix", "NX-3060-G6", ""},  // a host of theirs
      {"DigitalOcean", "Droplet", "DigitalOcean"},
      {"Akamai", "Compute Instance", "Akamai (Linode)"},
      {"Apache Software Foundation", "CloudStack KVM Hypervisor", "CloudStack"},
      {"3DS Outscale", "3DS Outscale VM", "3DS Outscale"},
      {"3DS Outscale", "another", ""},
      {"Tencent Cloud", "CVM", "Tencent Cloud"},
      {"Huawei Cloud", "HECS", "Huawei Cloud"},
      {"HUAWEI", "TaiShan 200", ""},
      {"IBM:Cloud Compute Server 1.0", "bx2-4x16", "IBM Cloud"},
      {"Joyent", "SmartDC HVM", "Triton (SmartDC)"},
      {"CloudSigma", "CloudSigma", "CloudSigma"},
      {"e24cloud", "", "e24cloud"},
      {"NWCS", "vServer", "NWCS"},
      {"QEMU", "Standard PC (Q35 + ICH9, 2009)", ""},
  };
  for (const auto& c : cases) {
    const test::Tree tree = test::Guest("virtio-mmio")
                                .file("sys/class/dmi/id/sys_vendor", c.vendor)
                                .file("sys/class/dmi/id/product_name", c.product)
                                .unpack();
    TreeReader reader;
    EXPECT_EQ(detect_manager(reader, tree.paths.sysfs), c.manager) << c.vendor << " / " << c.product;
  }
}

TEST(Manager, IsInTheFamilyOrTheAssetTagToo) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"product_family", "KubeVirt", "kubevirt"},
      {"chassis_asset_tag", "OracleCloud.com", "Oracle Cloud"},
      {"chassis_asset_tag", "HUAWEICLOUD", "Huawei Cloud"},
      {"chassis_asset_tag", "OpenTelekomCloud", "Open Telekom Cloud"},
      {"chassis_asset_tag", "SAP CCloud VM", "SAP Converged Cloud"},
      {"chassis_asset_tag", "123.zstack.io", "ZStack"}};
  for (const auto& [file, text, manager] : cases) {
    const test::Tree tree = test::Guest("virtio-mmio").file(std::string("sys/class/dmi/id/") + file, text).unpack();
    TreeReader reader;
    EXPECT_EQ(detect_manager(reader, tree.paths.sysfs), manager);
  }
}

TEST(FactsOfRoot, OfNothingAreNothing) {
  Topology now;
  now.vmm = "kvm";
  keep_facts_of_root({}, now);
  EXPECT_EQ(now.vmm, "kvm");
}

}  // namespace
}  // namespace vqscope
