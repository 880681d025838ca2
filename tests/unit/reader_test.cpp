// SPDX-License-Identifier: Apache-2.0
// A snapshot where no BPF program runs: what the kernel itself counts, from fixture trees.
#include "agent/probes/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using test::Guest;
using test::Tree;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Guest busy_guest() {
  Guest guest("virtio-blk");
  guest.file("proc/diskstats",
             " 254 0 vda 1 2 3 4 5 6 7 8 3 10 7000 12 13 14 15 16 17\n 253 0 dm-0 0 0 0 0 0 0 0 0 9 0 9");
  return guest;
}

Snapshot read_without_bpf(const Tree& tree) {
  const auto filter = DeviceFilter::create("", "");
  const auto topology = scan_topology(tree.paths, *filter, "");
  if (!topology) throw std::runtime_error(topology.error().message);
  return read_snapshot(tree.paths, *topology, nullptr, nullptr, {}, Detail::kHistograms);
}

TEST(SnapshotWithoutBpf, HasTheKernelsAccounting) {
  const Tree tree = busy_guest().unpack();
  const Snapshot snapshot = read_without_bpf(tree);
  EXPECT_GT(snapshot.time_ns, 0U);
  ASSERT_EQ(snapshot.devices.size(), 1U);
  ASSERT_TRUE(snapshot.devices[0].accounting);
  EXPECT_EQ(snapshot.devices[0].accounting->inflight, 3U);
  EXPECT_EQ(snapshot.devices[0].accounting->time_ns, 7'000'000'000U);
}

TEST(SnapshotWithoutBpf, HasTheKernelsInterruptCounts) {
  const Tree tree = busy_guest().unpack();
  const Snapshot snapshot = read_without_bpf(tree);
  const auto& vectors = snapshot.devices.at(0).vectors;
  ASSERT_EQ(vectors.size(), 4U);
  EXPECT_EQ(vectors[1].line, (InterruptLine{27, 1, "virtio1-req.1"}));
  EXPECT_THAT(vectors[1].per_cpu, ElementsAre(0, 7303, 0, 0));
  EXPECT_FALSE(vectors[1].handler);
}

TEST(SnapshotWithoutBpf, HasNothingThatOnlyBpfCanTell) {
  const Tree tree = busy_guest().unpack();
  const Snapshot snapshot = read_without_bpf(tree);
  EXPECT_EQ(snapshot.losses, std::nullopt);
  EXPECT_FALSE(snapshot.devices.at(0).queues);
  EXPECT_THAT(snapshot.devices[0].notifies, IsEmpty());
}

TEST(SnapshotWithoutBpf, IsTheDisksAndOnlyTheInterruptsThatCanBeRead) {
  const Tree tree =
      busy_guest().file("sys/kernel/irq/28/per_cpu_count", "garbage").file("proc/diskstats", "garbage").unpack();
  const Snapshot snapshot = read_without_bpf(tree);
  ASSERT_EQ(snapshot.devices.size(), 1U);
  EXPECT_FALSE(snapshot.devices[0].accounting);
  EXPECT_EQ(snapshot.devices[0].vectors.size(), 3U);
}

}  // namespace
}  // namespace vqscope
