// SPDX-License-Identifier: Apache-2.0
// scan_topology() on guests whose files are malformed or missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/topology/scan.h"
#include "tests/unit/scan_case.h"

namespace vqscope::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ScanTopology, GarbageInAQueueLeavesThatPartAbsent) {
  Guest guest("virtio-blk");
  const std::string mq = std::string(kNestedVda) + "/mq/";
  guest.file(mq + "0/cpu_list", "0-").file(mq + "1/nr_tags", "many").file(mq + "2/nr_tags", "99999999999999999999");
  guest.remove(mq + "3/cpu_list").file(mq + "3/nr_tags", "-1").file(mq + "default/nr_tags", "1");
  const auto topology = scan(guest);
  ASSERT_TRUE(topology);
  EXPECT_THAT(topology->disks.at(0).queues,
              ElementsAre(HardwareQueue{0, {}, 256}, HardwareQueue{1, {1}, std::nullopt},
                          HardwareQueue{2, {2}, std::nullopt}, HardwareQueue{3, {}, std::nullopt}));
}

TEST(ScanTopology, MissingFilesLeaveTheirPartsAbsent) {
  Guest guest("firecracker");
  for (const char* gone : {"/queue", "/device", "/mq/0/nr_tags", "/mq/0/cpu_list"})
    guest.remove(std::string(kVda) + gone);
  guest.file(std::string(kVda) + "/mq/0/nr_reserved_tags", "0");
  guest.remove("sys/kernel").remove("sys/firmware").remove("proc");
  EXPECT_EQ(scanned(guest),
            "online=0,1 possible=2 vmm=kvm\n"
            "vda driver=virtio-pci transport=virtio-pci bus=0000:00:02.0 scheduler= nr_requests=- virtio1+0\n"
            "  queue 0 cpus= tags=-\n");
}

TEST(ScanTopology, InterruptsThatMakeNoSenseAreLeftOut) {
  Guest guest("virtio-blk");
  guest.file("sys/kernel/irq/26/actions", "").file("sys/kernel/irq/27/actions", "virtio1-req.");
  guest.file("sys/kernel/irq/28/actions", "virtio1-req.2x").file("sys/kernel/irq/x/actions", "virtio1-req.2");
  guest.file("sys/kernel/irq/29/hwirq", "garbage");
  EXPECT_THAT(interrupts(guest), ElementsAre(InterruptLine{29, 3, "virtio1-req.3"}));
}

TEST(ScanTopology, ADiskThatVanishesMeanwhileIsLeftOut) {
  Guest whole("virtio-scsi");
  const std::string lun = "sys/devices/pci0000:00/0000:00:05.0/virtio1/host2/target2:0:0/2:0:0:1";
  for (const std::string& gone : {lun, lun + "/block/sdb/size", lun + "/block/sdb/mq"}) {
    SCOPED_TRACE(gone);
    Guest guest = whole;
    guest.remove(gone);
    const auto topology = scan(guest);
    ASSERT_TRUE(topology);
    ASSERT_EQ(topology->disks.size(), 1U);
    EXPECT_EQ(topology->disks[0].name, "sda");
  }
}

TEST(ScanTopology, ADiskThatIsThereAndCannotBeReadIsAFailure) {
  for (const char* file : {"/size", "/mq"}) {
    SCOPED_TRACE(file);
    Guest guest("firecracker");
    guest.remove(std::string(kVda) + file).link(std::string(kVda) + file, file + 1);  // leads to itself
    const auto topology = scan(guest);
    ASSERT_FALSE(topology);
    EXPECT_THAT(topology.error().message, HasSubstr(std::string("vda") + file));
  }
}

TEST(CheckNoneHidden, TellsADiskThatIsNotListedFromOneThatIsGone) {
  Guest guest("firecracker");
  guest.link("sys/class/block/vda", "../../devices");
  const Tree tree = guest.unpack();
  Topology before, now;
  before.disks.resize(2);
  before.disks[0].name = "vda";
  before.disks[1].name = "vdz";
  EXPECT_TRUE(check_none_hidden(tree.paths, before, now));  // listed: it has no size any more
  std::filesystem::remove(tree.paths.sysfs / "block/vda");
  const auto checked = check_none_hidden(tree.paths, before, now);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("does not list vda, which"));
  now.disks = before.disks;
  EXPECT_TRUE(check_none_hidden(tree.paths, before, now));
  now.disks.clear();
  std::filesystem::remove(tree.paths.sysfs / "class/block/vda");
  EXPECT_TRUE(check_none_hidden(tree.paths, before, now));
}

TEST(ScanTopology, ASizeThatIsNoNumberIsNone) {
  Guest guest("firecracker");
  guest.file(std::string(kVda) + "/size", "536870912 sectors");
  EXPECT_THAT(scan(guest)->disks, IsEmpty());
}

TEST(ScanTopology, FailsWithoutTheListsOfCpusOrDisks) {
  const struct {
    const char* path;
    std::optional<const char*> content;
    const char* message;
  } cases[] = {
      {"sys/devices/system/cpu/online", std::nullopt, "devices/system/cpu/online"},
      {"sys/devices/system/cpu/online", "", "online lists no CPU"},
      {"sys/devices/system/cpu/possible", std::nullopt, "devices/system/cpu/possible"},
      {"sys/devices/system/cpu/possible", "all of them", "possible: not a list of CPUs: 'all of them"},
      {"sys/devices/system/cpu/possible", "0-99999", "possible: not a list of CPUs"},
      {"sys/block", std::nullopt, "cannot list "},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.path);
    Guest guest("firecracker");
    if (c.content)
      guest.file(c.path, *c.content);
    else
      guest.remove(c.path);
    const auto topology = scan(guest);
    ASSERT_FALSE(topology);
    EXPECT_THAT(topology.error().message, HasSubstr(c.message));
  }
}

TEST(ScanTopology, PossibleCpusIsTheHighestNumberPlusOne) {
  Guest guest("firecracker");
  const std::pair<const char*, std::uint32_t> cases[] = {{"0", 1}, {"0-3", 4}, {"0-1,8", 9}, {"8,0-1", 9}};
  for (const auto& [list, expected] : cases) {
    const auto topology = scan(guest.file("sys/devices/system/cpu/possible", list));
    ASSERT_TRUE(topology);
    EXPECT_EQ(topology->possible_cpus, expected) << list;
  }
}

TEST(ScanTopology, TextThatIsNotUtf8DoesNotLeaveIt) {
  const Tree tree =
      Guest("virtio-blk").file("proc/cmdline", "root=\xff quiet").file("sys/class/dmi/id/sys_vendor", "Q\xc3").unpack();
  const auto topology = scan_topology(tree.paths, filter(), "KVMKVMKVM");
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(topology->guest.command_line, "root=\xef\xbf\xbd quiet");
}

}  // namespace
}  // namespace vqscope::test
