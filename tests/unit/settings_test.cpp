// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using ::testing::ElementsAre;

constexpr const char* kQueue = "sys/devices/pci0000:00/0000:00:02.0/0000:01:00.0/virtio1/block/vda/queue/";

std::vector<QueueSetting> settings_of(const test::Tree& tree) {
  const auto filter = DeviceFilter::create("", "");
  const auto topology = scan_topology(tree.paths, *filter, "");
  EXPECT_TRUE(topology) << topology.error().message;
  return topology->disks.at(0).facts.settings;
}

TEST(QueueSettings, AreThoseThatTheKernelHasAndAllOfTheElevators) {
  test::Guest guest("virtio-blk");
  const std::string queue = kQueue;
  guest.file(queue + "read_ahead_kb", "128").file(queue + "write_cache", "write back").file(queue + "nomerges", "0");
  guest.file(queue + "iosched/read_expire", "500").file(queue + "iosched/of_a_later_kernel", "1");
  guest.file(queue + "nr_zones", "0");  // nothing that could be turned
  EXPECT_THAT(settings_of(guest.unpack()),
              ElementsAre(QueueSetting{"iosched/of_a_later_kernel", "1"}, QueueSetting{"iosched/read_expire", "500"},
                          QueueSetting{"nomerges", "0"}, QueueSetting{"read_ahead_kb", "128"},
                          QueueSetting{"write_cache", "write back"}));
}

TEST(QueueSettings, ThatMakeNoSenseAreLeftOut) {
  test::Guest guest("virtio-blk");
  const std::string queue = kQueue;
  guest.file(queue + "read_ahead_kb", "").file(queue + "rotational", "\x1b[31m").file(queue + "nomerges", "2");
  guest.file(queue + "rq_affinity", std::string(100, '1'));
  EXPECT_THAT(settings_of(guest.unpack()), ElementsAre(QueueSetting{"nomerges", "2"}));
}

}  // namespace
}  // namespace vqscope
