// SPDX-License-Identifier: Apache-2.0
#include "agent/collector/uevents.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace vqscope {
namespace {

// As the kernel sends it: the header and each KEY=VALUE ended by a NUL.
std::string announcement(std::initializer_list<std::string_view> fields) {
  std::string text;
  for (const std::string_view field : fields) text.append(field).push_back('\0');
  return text;
}

TEST(ConcernsTopology, DisksAndPartitionsDo) {
  EXPECT_TRUE(concerns_topology(
      announcement({"add@/devices/pci0000:00/0000:00:04.0/virtio2/block/vdb", "ACTION=add",
                    "DEVPATH=/devices/pci0000:00/0000:00:04.0/virtio2/block/vdb", "SUBSYSTEM=block", "MAJOR=254",
                    "MINOR=16", "DEVNAME=vdb", "DEVTYPE=disk", "DISKSEQ=12", "SEQNUM=1427"})));
  EXPECT_TRUE(concerns_topology(
      announcement({"remove@/devices/pci0000:00/0000:00:04.0/virtio2/block/vdb/vdb1", "ACTION=remove",
                    "DEVPATH=/devices/pci0000:00/0000:00:04.0/virtio2/block/vdb/vdb1", "SUBSYSTEM=block", "MAJOR=254",
                    "MINOR=17", "DEVNAME=vdb1", "DEVTYPE=partition", "PARTN=1", "SEQNUM=1430"})));
  EXPECT_TRUE(concerns_topology(announcement({"change@/devices/virtual/block/loop0", "ACTION=change",
                                              "DEVPATH=/devices/virtual/block/loop0", "SUBSYSTEM=block", "RESIZE=1",
                                              "MAJOR=7", "MINOR=0", "DEVNAME=loop0", "DEVTYPE=disk", "SEQNUM=1500"})));
}

TEST(ConcernsTopology, CpusDo) {
  EXPECT_TRUE(concerns_topology(
      announcement({"offline@/devices/system/cpu/cpu1", "ACTION=offline", "DEVPATH=/devices/system/cpu/cpu1",
                    "SUBSYSTEM=cpu", "DRIVER=processor", "MODALIAS=cpu:type:x86,ven0000", "SEQNUM=2001"})));
}

TEST(ConcernsTopology, OthersDoNot) {
  EXPECT_FALSE(concerns_topology(announcement({"add@/devices/pci0000:00/0000:00:03.0/virtio1/net/eth0", "ACTION=add",
                                               "DEVPATH=/devices/pci0000:00/0000:00:03.0/virtio1/net/eth0",
                                               "SUBSYSTEM=net", "INTERFACE=eth0", "IFINDEX=2", "SEQNUM=900"})));
  EXPECT_FALSE(concerns_topology(announcement({"add@/devices/virtual/bdi/254:16", "ACTION=add",
                                               "DEVPATH=/devices/virtual/bdi/254:16", "SUBSYSTEM=bdi", "SEQNUM=1"})));
  EXPECT_FALSE(concerns_topology(announcement(
      {"add@/module/null_blk", "ACTION=add", "DEVPATH=/module/null_blk", "SUBSYSTEM=module", "SEQNUM=2"})));
}

TEST(ConcernsTopology, WholeFieldsCount) {
  EXPECT_FALSE(concerns_topology(announcement({"add@/x", "SUBSYSTEM=blockade"})));
  EXPECT_FALSE(concerns_topology(announcement({"add@/x", "SUBSYSTEM=cpuid"})));
  EXPECT_FALSE(concerns_topology(announcement({"add@/x", "OLD_SUBSYSTEM=block"})));
  EXPECT_FALSE(concerns_topology(announcement({"add@/SUBSYSTEM=block", "NAME=SUBSYSTEM=cpu"})));
}

TEST(ConcernsTopology, TextWithoutFieldsDoesNot) {
  EXPECT_FALSE(concerns_topology(""));
  EXPECT_FALSE(concerns_topology(std::string_view("\0\0\0", 3)));
  EXPECT_FALSE(concerns_topology("libudev"));
}

TEST(ConcernsTopology, ALastFieldThatWasCutIsNotRead) {
  const std::string whole = announcement({"add@/devices/x", "SUBSYSTEM=block"});
  EXPECT_TRUE(concerns_topology(whole));
  EXPECT_FALSE(concerns_topology(std::string_view(whole).substr(0, whole.size() - 2)));
}

}  // namespace
}  // namespace vqscope
