// SPDX-License-Identifier: Apache-2.0
// Which requests a queue takes, from coverage, lines and parameters.
#include "agent/topology/queue_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vqscope {
namespace {

using Cpus = std::vector<std::uint32_t>;

// A disk with these queues, of which those in `with_line` have an interrupt line.
Disk disk(const char* driver, const std::vector<Cpus>& queues, const std::vector<std::uint32_t>& with_line) {
  Disk result;
  result.driver = driver;
  for (const Cpus& cpus : queues) result.queues.push_back({static_cast<std::uint32_t>(result.queues.size()), cpus, 64});
  for (const std::uint32_t queue : with_line) result.interrupts.push_back({30 + queue, queue, "line"});
  return result;
}

// "ddrp": default, read, poll, ? not known.
std::string types(Disk disk, const GuestLimits& limits = {}) {
  find_queue_types(limits, disk);
  std::string text;
  for (const HardwareQueue& queue : disk.queues) text += queue.type ? "drp"[static_cast<int>(*queue.type)] : '?';
  return text;
}

TEST(QueueTypes, AreAllDefaultWhereTheQueuesCoverTheCpusOnce) {
  EXPECT_EQ(types(disk("virtio_blk", {{0, 1}}, {0})), "d");
  EXPECT_EQ(types(disk("virtio_blk", {{0}, {1}, {2, 3}}, {})), "ddd");
  EXPECT_EQ(types(disk("nvme", {{1}, {0}}, {})), "dd");
}

TEST(QueueTypes, AreToldByTheLinesWhereCpusAreCoveredTwice) {
  const std::vector<Cpus> twice = {{0, 1}, {2, 3}, {0, 2}, {1, 3}};
  EXPECT_EQ(types(disk("nvme", twice, {0, 1, 2, 3})), "ddrr");
  EXPECT_EQ(types(disk("nvme", twice, {0, 1})), "ddpp");
  EXPECT_EQ(types(disk("virtio_scsi", twice, {0, 1})), "ddpp");
}

TEST(QueueTypes, AreThreeWhereCpusAreCoveredThrice) {
  const std::vector<Cpus> thrice = {{0, 1}, {0}, {1}, {0, 1}};
  EXPECT_EQ(types(disk("nvme", thrice, {0, 1, 2})), "drrp");
  EXPECT_EQ(types(disk("nvme", thrice, {0, 1, 2, 3})), "????") << "the last ought to be polled";
}

TEST(QueueTypes, AreToldByAParameterThatFitsWhereLinesDoNotTell) {
  Disk shared = disk("virtio_blk", {{0, 1}, {0, 1}}, {});
  shared.interrupts = {{30, std::nullopt, "virtio0-virtqueues"}};
  GuestLimits limits;
  EXPECT_EQ(types(shared, limits), "??");
  limits.virtio_blk_poll_queues = 1;
  EXPECT_EQ(types(shared, limits), "dp");
  limits.virtio_blk_poll_queues = 2;  // changed after boot
  EXPECT_EQ(types(shared, limits), "??");
  shared.driver = "virtio_scsi";
  EXPECT_EQ(types(shared, limits), "??") << "another driver's parameter";
  limits.virtio_scsi_poll_queues = 1;
  EXPECT_EQ(types(shared, limits), "dp");
  shared.driver = "nvme";
  EXPECT_EQ(types(shared, limits), "??");
  limits.nvme_poll_queues = 0;
  EXPECT_EQ(types(shared, limits), "dr");
}

TEST(QueueTypes, AreNotKnownWhereCoverageIsUneven) {
  EXPECT_EQ(types(disk("nvme", {{0, 1}, {0}}, {0})), "??");
  EXPECT_EQ(types(disk("nvme", {{0}, {}}, {0})), "??");
  EXPECT_EQ(types(disk("nvme", {{0}, {0}, {0}, {0}}, {0})), "????");
  EXPECT_EQ(types(disk("nvme", {}, {})), "");
}

}  // namespace
}  // namespace vqscope
