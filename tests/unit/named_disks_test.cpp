// SPDX-License-Identifier: Apache-2.0
// --device: which disks are meant by a name, a path, a partition or a stack of disks.
#include "agent/topology/named_disks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/source/disk_selection.h"
#include "agent/topology/device_filter.h"
#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using test::Guest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kVda = "sys/devices/pci0000:00/0000:00:02.0/0000:01:00.0/virtio1/block/vda";

// vda with two partitions, LVM on the second one and dm-crypt on top; vdb; etherd!e1.1; a zram device; loop0.
Guest guest() {
  Guest guest("virtio-blk");
  return guest.file(kVda + "/vda1/partition", "1")
      .file(kVda + "/vda2/partition", "2")
      .file("sys/block/vdb/mq/0/cpu_list", "0")
      .file("sys/block/etherd!e1.1/mq/0/cpu_list", "0")
      .file("sys/block/etherd!e1.1/etherd!e1.1p1/partition", "1")
      .file("sys/block/loop0/mq/0/cpu_list", "0")
      .file("sys/block/zram0/size", "8")
      .file("sys/block/dm-5/slaves/vda2/size", "8")
      .file("sys/block/dm-5/slaves/vdb/size", "8")
      .file("sys/block/dm-6/slaves/dm-5/size", "8");
}

Result<NamedDisks> find(const std::vector<std::string>& words) {
  const test::Tree tree = guest().unpack();
  return find_named_disks(words, tree.paths);
}

NamedDisks found(const std::vector<std::string>& words) {
  auto named = find(words);
  if (!named) throw std::runtime_error(named.error().message);
  return std::move(*named);
}

TEST(NamedDisks, AreFoundByNameAndByPath) {
  const NamedDisks named = found({"vda", "/dev/vdb", "vda"});
  EXPECT_THAT(named.disks, ElementsAre("vda", "vdb"));
  EXPECT_THAT(named.notes, IsEmpty());
  EXPECT_THAT(named.missing, IsEmpty());
}

TEST(NamedDisks, WhatPatternsLeaveOutIsFoundWhenItIsNamed) {
  EXPECT_THAT(found({"loop0"}).disks, ElementsAre("loop0"));
}

TEST(NamedDisks, APartitionStandsForItsDiskAndThatIsSaid) {
  const NamedDisks named = found({"/dev/vda1"});
  EXPECT_THAT(named.disks, ElementsAre("vda"));
  EXPECT_THAT(named.notes, ElementsAre("/dev/vda1 is a partition of vda; the whole disk is looked at."));
}

TEST(NamedDisks, ASlashInANameIsAnExclamationMarkInSysfs) {
  for (const char* word : {"etherd/e1.1", "etherd!e1.1", "/dev/etherd/e1.1"}) {
    EXPECT_THAT(found({word}).disks, ElementsAre("etherd/e1.1")) << word;
    EXPECT_THAT(take_named_disks({word})->disks, ElementsAre("etherd/e1.1")) << word;
  }
  const NamedDisks named = found({"etherd/e1.1p1"});
  EXPECT_THAT(named.disks, ElementsAre("etherd/e1.1"));
  EXPECT_THAT(named.notes, ElementsAre(HasSubstr("is a partition of etherd/e1.1")));
  const DeviceFilter filter = DeviceFilter::of_names(named.disks);
  EXPECT_TRUE(filter.accepts("etherd!e1.1"));
  EXPECT_TRUE(filter.accepts("etherd/e1.1"));
  EXPECT_FALSE(filter.accepts("etherd/e1x1"));
}

TEST(NamedDisks, AStackStandsForTheDisksBelowItAndThatIsSaidOnce) {
  const NamedDisks named = found({"dm-6"});
  EXPECT_THAT(named.disks, ElementsAre("vda", "vdb"));
  EXPECT_THAT(named.notes, ElementsAre("dm-6 has no requests of its own; the disks below it are looked at."));
}

// The paths of NVMe's own multipathing: the disk itself has no requests, and no links to them before Linux 6.15.
TEST(NamedDisks, AnNvmeDiskOfSeveralPathsStandsForThem) {
  const test::Tree tree = guest()
                              .file("sys/block/nvme0n1/nvme0n1p1/partition", "1")
                              .file("sys/block/nvme0c0n1/mq/0/cpu_list", "0")
                              .file("sys/block/nvme0c1n1/mq/0/cpu_list", "0")
                              .file("sys/block/nvme0c0n2/mq/0/cpu_list", "0")
                              .file("sys/block/nvme1c0n1/mq/0/cpu_list", "0")
                              .unpack();
  const auto named = find_named_disks({"nvme0n1"}, tree.paths);
  ASSERT_TRUE(named);
  EXPECT_THAT(named->disks, ElementsAre("nvme0c0n1", "nvme0c1n1"));
  EXPECT_THAT(named->notes, ElementsAre("nvme0n1 has no requests of its own; the disks below it are looked at."));
  EXPECT_THAT(find_named_disks({"/dev/nvme0n1p1"}, tree.paths)->disks, ElementsAre("nvme0c0n1", "nvme0c1n1"));
  EXPECT_THAT(find_named_disks({"nvme1c0n1"}, tree.paths)->disks, ElementsAre("nvme1c0n1"));
}

TEST(NamedDisks, WhatHasNoRequestsIsAnError) {
  const auto named = find({"zram0"});
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().message, "zram0 has no requests that could be measured: blk-mq does not drive it");
}

TEST(NamedDisks, StacksThatGoInCirclesAreAnError) {
  const test::Tree tree = guest().file("sys/block/dm-7/slaves/dm-7/size", "8").unpack();
  EXPECT_FALSE(find_named_disks({"dm-7"}, tree.paths));
}

TEST(NamedDisks, OneThatIsNotThereIsMissingAndTheOthersAreNamed) {
  const NamedDisks named = found({"vdz"});
  EXPECT_THAT(named.disks, ElementsAre("vdz"));
  EXPECT_THAT(named.missing,
              ElementsAre("there is no disk 'vdz'; there are: etherd/e1.1, vda, vdb; did you mean 'vda'?"));
}

TEST(NamedDisks, NamesOfOtherFilesAreNotLookedUpInSysfs) {
  EXPECT_THAT(found({".."}).missing, ElementsAre(HasSubstr("no disk '..'")));
  EXPECT_THAT(found({""}).missing, ElementsAre(HasSubstr("no disk ''")));
}

TEST(NamedDisks, APathThatIsNoBlockDeviceIsAnError) {
  EXPECT_THAT(find({"/"}).error().message, "'/' is not a block device");
  EXPECT_THAT(find({"/nonexistent"}).error().message, HasSubstr("neither the name of a disk nor the path of one"));
}

TEST(NamedDisks, OfAnotherMachineAreTakenByName) {
  EXPECT_THAT(take_named_disks({"vda", "/dev/nvme0n1"})->disks, ElementsAre("vda", "nvme0n1"));
  for (const char* word : {"/dev/disk/by-id/x", "/dev/mapper/y", "/tmp/z", "/dev/", ""})
    EXPECT_FALSE(take_named_disks({word})) << word;
}

TEST(NamedDisks, OfAnotherMachineAStackStandsForTheDisksBelowItToo) {
  Topology topology;
  topology.disks.resize(3);
  for (std::size_t i = 0; i < 2; ++i) {
    topology.disks[i].name = "nvme0c" + std::to_string(i) + "n1";
    topology.disks[i].stacking.holders = {{"nvme0n1", "", "nvme-multipath"}, {"dm-0", "vg0-root", "LVM"}};
  }
  topology.disks[2].name = "vda";
  const auto find = [&](const std::vector<std::string>& names) {
    DiskSelection selection = {DeviceFilter::of_names(names), names, {}, {}};
    const auto found = find_named(selection, topology);
    EXPECT_EQ(selection.filter.accepts("vda"), found && selection.names.back() == "vda");
    return found ? selection.names : std::vector<std::string>{found.error().message};
  };
  for (const char* stack : {"nvme0n1", "dm-0", "vg0-root"})
    EXPECT_THAT(find({stack}), ElementsAre("nvme0c0n1", "nvme0c1n1"));
  EXPECT_THAT(find({"nvme0c1n1", "vda"}), ElementsAre("nvme0c1n1", "vda"));
  EXPECT_THAT(find({"vdb"}), ElementsAre(HasSubstr("there is no disk 'vdb'")));
}

TEST(NamedDisks, AListOfManyIsCutAndOneOfOneHasNoHint) {
  EXPECT_EQ(no_such_disk("vdb", {"vda"}), "there is no disk 'vdb'; there is: vda");
  EXPECT_EQ(no_such_disk("vdb", {}), "there is no disk 'vdb', nor any other");
  std::vector<std::string> many;
  for (char c = 'a'; c <= 'z'; ++c) many.push_back(std::string("sd") + c);
  EXPECT_THAT(no_such_disk("nvme0n1", many), HasSubstr("sdk, sdl and 14 more"));
}

TEST(DeviceFilter, OfNamesTakesThemLiterally) {
  const DeviceFilter filter = DeviceFilter::of_names({"c0d0.1", "vda"});
  EXPECT_TRUE(filter.accepts("vda"));
  EXPECT_TRUE(filter.accepts("c0d0.1"));
  for (const char* name : {"vdaa", "xvda", "c0d0x1", ""}) EXPECT_FALSE(filter.accepts(name)) << name;
}

}  // namespace
}  // namespace vqscope
