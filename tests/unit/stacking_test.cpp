// SPDX-License-Identifier: Apache-2.0
// What disks are made of, and what is made of them.
#include "agent/topology/stacking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using test::Guest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kVda = "sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda";

Stacking read(const Guest& guest, const std::string& disk) {
  const test::Tree tree = guest.unpack();
  TreeReader reader;
  return read_stacking(reader, tree.paths.sysfs, tree.folder.path() / disk);
}

// A device-mapper device, of these disks.
Guest& map(Guest& guest, const std::string& device, const std::string& name, const std::string& uuid,
           const std::vector<std::string>& below) {
  const std::string directory = "sys/devices/virtual/block/" + device;
  guest.link("sys/block/" + device, "../devices/virtual/block/" + device);
  guest.file(directory + "/dm/name", name).file(directory + "/dm/uuid", uuid);
  for (const std::string& disk : below) guest.link(directory + "/slaves/" + disk, "../../" + disk);
  return guest;
}

TEST(ReadStacking, OfADiskAloneIsNothing) { EXPECT_EQ(read(Guest("firecracker"), kVda), Stacking{}); }

TEST(ReadStacking, NamesWhatLiesOnADiskAndItsPartitionsFromTheLowestUp) {
  Guest guest("firecracker");
  map(guest, "dm-0", "luks-5d1f", "CRYPT-LUKS2-5d1f-luks-5d1f", {"vda3"});
  map(guest, "dm-1", "vg0-root", "LVM-abc", {"dm-0"});
  map(guest, "dm-2", "vg0-swap", "LVM-def", {"dm-0"});
  guest.link("sys/block/md0", "../devices/virtual/block/md0").file("sys/devices/virtual/block/md0/md/level", "raid1");
  guest.link(std::string(kVda) + "/vda3/holders/dm-0", "x").link(std::string(kVda) + "/vda2/holders/md0", "x");
  guest.link("sys/devices/virtual/block/dm-0/holders/dm-1", "x")
      .link("sys/devices/virtual/block/dm-0/holders/dm-2", "x");
  const Stacking stacking = read(guest, kVda);
  EXPECT_THAT(stacking.holders, ElementsAre(Layer{"md0", "", "raid1"}, Layer{"dm-0", "luks-5d1f", "CRYPT"},
                                            Layer{"dm-1", "vg0-root", "LVM"}, Layer{"dm-2", "vg0-swap", "LVM"}));
  EXPECT_EQ(stacking.layer, std::nullopt);
}

TEST(ReadStacking, TellsWhatAMultipathDiskIsMadeOf) {
  Guest guest("firecracker");
  map(guest, "dm-3", "mpatha", "mpath-360000", {"sdb", "sdc"});
  const Stacking stacking = read(guest, "sys/devices/virtual/block/dm-3");
  EXPECT_EQ(stacking.layer, (Layer{"dm-3", "mpatha", "mpath"}));
  EXPECT_THAT(stacking.made_of, ElementsAre("sdb", "sdc"));
}

TEST(ReadStacking, NamesTheDiskOfWhichAnNvmeDiskIsAPathAndWhatLiesOnThat) {
  Guest guest("nvme");
  map(guest, "dm-0", "vg0-root", "LVM-abc", {});
  guest.link("sys/block/nvme5n1", "../devices/virtual/nvme-subsystem/nvme-subsys5/nvme5n1")
      .link("sys/devices/virtual/nvme-subsystem/nvme-subsys5/nvme5n1/nvme5n1p2/holders/dm-0", "x");
  const std::string path = "sys/devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme5c0n1";
  guest.file(path + "/size", "8");
  EXPECT_THAT(read(guest, path).holders,
              ElementsAre(Layer{"nvme5n1", "", "nvme-multipath"}, Layer{"dm-0", "vg0-root", "LVM"}));
  EXPECT_THAT(read(guest, "sys/devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1").holders, IsEmpty());
}

TEST(ReadStacking, OfAMapperDeviceThatTellsNothingIsStillALayer) {
  EXPECT_EQ(read(Guest("multipath"), "sys/devices/virtual/block/dm-3").layer, (Layer{"dm-3", "", ""}));
}

TEST(ReadStacking, EndsWhereHoldersHoldEachOtherOrAreTooMany) {
  Guest guest("firecracker");
  map(guest, "dm-0", "a", "", {}).link(std::string(kVda) + "/holders/dm-0", "x");
  guest.link("sys/devices/virtual/block/dm-0/holders/dm-0", "x");
  EXPECT_THAT(read(guest, kVda).holders, ElementsAre(Layer{"dm-0", "a", ""}));
  for (int i = 1; i < 100; ++i) guest.link(std::string(kVda) + "/holders/dm-" + std::to_string(i), "x");
  EXPECT_THAT(read(guest, kVda).holders, SizeIs(64));
}

}  // namespace
}  // namespace vqscope
