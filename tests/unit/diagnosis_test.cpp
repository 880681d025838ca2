// SPDX-License-Identifier: Apache-2.0
// From readings to findings, how long they are held, and the words they are told in.
#include "agent/diagnosis/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/platform.h"
#include "agent/diagnosis/tracker.h"

namespace vqscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr std::uint64_t kSecond = 1'000'000'000;

const FindingKind& kind(std::string_view id) {
  for (const FindingKind& candidate : finding_kinds())
    if (candidate.id == id) return candidate;
  throw std::runtime_error("no finding " + std::string(id));
}

Diagnosis with(std::vector<std::pair<std::string_view, Severity>> found) {
  Diagnosis diagnosis;
  for (const auto& [id, severity] : found) diagnosis.findings.push_back({&kind(id), "vda", {severity, {}, {}, {}}});
  return diagnosis;
}

TEST(Tracker, RaisesWhatHeldTwiceInARow) {
  FindingTracker tracker;
  EXPECT_THAT(tracker.update(with({{"single_queue", Severity::kWarning}})), IsEmpty());
  EXPECT_THAT(tracker.active(), IsEmpty());
  EXPECT_THAT(tracker.update(with({})), IsEmpty());
  EXPECT_THAT(tracker.update(with({{"single_queue", Severity::kWarning}})), IsEmpty());
  const auto changes = tracker.update(with({{"single_queue", Severity::kWarning}}));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_THAT(changes[0].severity, Optional(Severity::kWarning));
  EXPECT_THAT(tracker.active(), ElementsAre(ActiveFinding{"vda", "single_queue", "warning"}));
  EXPECT_THAT(tracker.update(with({{"single_queue", Severity::kWarning}})), IsEmpty());
}

TEST(Tracker, RaisesWhatIsOverInAMomentAtOnce) {
  FindingTracker tracker;
  EXPECT_EQ(tracker.update(with({{"io_errors", Severity::kCritical}})).size(), 1U);
  EXPECT_THAT(tracker.active(), ElementsAre(ActiveFinding{"vda", "io_errors", "critical"}));
}

TEST(Tracker, ClearsAfterSixWindowsWithoutIt) {
  FindingTracker tracker;
  tracker.update(with({{"io_errors", Severity::kCritical}}));
  for (unsigned i = 0; i < kClearAfter - 1; ++i) EXPECT_THAT(tracker.update(with({})), IsEmpty());
  EXPECT_EQ(tracker.active().size(), 1U);
  const auto changes = tracker.update(with({}));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].severity, std::nullopt);
  EXPECT_EQ(changes[0].finding.kind->id, "io_errors");
  EXPECT_THAT(tracker.active(), IsEmpty());
}

TEST(Tracker, HoldsWhatComesAndGoes) {
  FindingTracker tracker;
  tracker.update(with({{"requeues", Severity::kWarning}}));
  tracker.update(with({{"requeues", Severity::kWarning}}));
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(tracker.update(with({})), IsEmpty());
    EXPECT_THAT(tracker.update(with({{"requeues", Severity::kWarning}})), IsEmpty());
  }
  EXPECT_EQ(tracker.active().size(), 1U);
}

TEST(Tracker, SeverityRisesAtOnceAndFallsAfterSixWindows) {
  FindingTracker tracker;
  tracker.update(with({{"single_queue", Severity::kWarning}}));
  tracker.update(with({{"single_queue", Severity::kWarning}}));
  EXPECT_EQ(tracker.update(with({{"single_queue", Severity::kCritical}})).size(), 1U);
  EXPECT_EQ(tracker.active().at(0).severity, "critical");
  for (unsigned i = 0; i < kClearAfter - 1; ++i) tracker.update(with({{"single_queue", Severity::kWarning}}));
  EXPECT_EQ(tracker.active().at(0).severity, "critical");
  EXPECT_EQ(tracker.update(with({{"single_queue", Severity::kWarning}})).size(), 1U);
  EXPECT_EQ(tracker.active().at(0).severity, "warning");
}

TEST(Tracker, KeepsDevicesApartAndTheTablesOrder) {
  FindingTracker tracker;
  Diagnosis diagnosis = with({{"io_errors", Severity::kInfo}, {"stuck_request", Severity::kWarning}});
  diagnosis.findings[0].device = "vdb";
  tracker.update(diagnosis);
  EXPECT_THAT(tracker.active(),
              ElementsAre(ActiveFinding{"vda", "stuck_request", "warning"}, ActiveFinding{"vdb", "io_errors", "info"}));
}

// One disk with a queue of 100 tags, or several.
Topology one_disk(std::size_t queues) {
  Topology topology;
  topology.online_cpus = {0, 1};
  Disk disk;
  disk.name = "vda";
  disk.driver = "virtio_blk";
  disk.transport = "virtio-pci";
  for (std::size_t q = 0; q < queues; ++q) disk.queues.push_back({static_cast<std::uint32_t>(q), {}, 100});
  topology.disks = {disk};
  return topology;
}

Snapshot reading(std::uint64_t seconds, std::vector<std::uint64_t> inflight_seconds) {
  Snapshot snapshot;
  snapshot.time_ns = seconds * kSecond;
  DeviceSnapshot& device = snapshot.devices.emplace_back();
  device.name = "vda";
  device.instance = 1;
  device.queues.emplace();
  for (const std::uint64_t integral : inflight_seconds) {
    QueueCounters& queue = device.queues->emplace_back();
    queue.inflight_ns = integral * kSecond;
    queue.origins.resize(2);
  }
  return snapshot;
}

TEST(FullTime, IsTheShareOfSlicesWhoseAverageIsNearTheLimit) {
  const Topology topology = one_disk(2);
  FullTime full;
  full.add(topology, reading(10, {1'000, 0}));
  EXPECT_THAT(full.shares(reading(10, {}).devices[0]), IsEmpty());
  full.add(topology, reading(11, {1'090, 50}));   // 90 and 50 in flight
  full.add(topology, reading(12, {1'179, 150}));  // 89 and 100
  EXPECT_THAT(full.shares(reading(12, {}).devices[0]), ElementsAre(Optional(0.5), Optional(0.5)));
  full.restart();
  full.add(topology, reading(14, {1'379, 150}));  // 100 for two seconds, and none
  EXPECT_THAT(full.shares(reading(14, {}).devices[0]), ElementsAre(Optional(1.0), Optional(0.0)));
}

TEST(FullTime, HasTheLimitOfTheWholeScsiDisk) {
  Topology topology = one_disk(2);
  topology.disks[0].facts.queue_depth = 64;
  FullTime full;
  full.add(topology, reading(10, {0, 0}));
  full.add(topology, reading(11, {30, 30}));
  EXPECT_THAT(full.shares(reading(11, {}).devices[0]), ElementsAre(Optional(1.0), Optional(1.0)));
}

TEST(FullTime, IsAbsentWithoutALimitAndForAnotherDiskOfTheName) {
  Topology topology = one_disk(1);
  topology.disks[0].queues[0].tags.reset();
  FullTime full;
  full.add(topology, reading(10, {0}));
  full.add(topology, reading(11, {500}));
  EXPECT_THAT(full.shares(reading(11, {}).devices[0]), ElementsAre(std::nullopt));
  DeviceSnapshot other = reading(11, {}).devices[0];
  other.instance = 2;
  EXPECT_THAT(full.shares(other), IsEmpty());
}

TEST(Diagnose, MeasuresTheWindowAndSortsTheWorstFirst) {
  const Topology topology = one_disk(1);
  Snapshot first = reading(10, {0}), last = reading(20, {500});
  QueueCounters& queue = last.devices[0].queues->at(0);
  queue.origins = {{0, 30'000, 0}, {30'000, 0, 0}};
  queue.requeues = 60'000;
  queue.ops[VQS_READ].emplace().bytes = 60'000 * 4096;
  queue.ops[VQS_READ]->errors = 1;
  queue.ops[VQS_READ]->device.set(60, 60'000);
  VectorCounters line{{30, 0, "virtio0-req.0"}, {0, 0}, {}};
  first.devices[0].vectors = {line};
  line.per_cpu = {0, 7'000};
  last.devices[0].vectors = {line};
  first.cpu_times = {{0, 0}, {0, 0}};
  last.cpu_times = {{1'000, 0}, {1'000, 200}};
  const Diagnosis diagnosis = diagnose(topology, first, last, Course());
  EXPECT_EQ(diagnosis.seconds, 10);
  ASSERT_EQ(diagnosis.disks.size(), 1U);
  const Measured& measured = diagnosis.disks[0].measured;
  EXPECT_EQ(measured.requests_rate, 6'000);
  EXPECT_EQ(measured.bytes_rate, 6'000 * 4096);
  EXPECT_EQ(measured.average_inflight, 50);
  EXPECT_THAT(measured.cross_share, Optional(0.5));
  EXPECT_THAT(measured.queues.at(0).interrupts, ElementsAre(0, 7'000));
  std::vector<std::string> ids;
  for (const Finding& finding : diagnosis.findings) ids.emplace_back(finding.kind->id);
  EXPECT_THAT(ids, ElementsAre("io_errors", "single_queue", "requeues", "steal"));
}

TEST(Diagnose, LeavesOutADiskThatWasNotThereAllTheTime) {
  Snapshot other = reading(10, {0});
  other.devices[0].instance = 2;
  EXPECT_THAT(diagnose(one_disk(1), other, reading(20, {0}), Course()).disks, IsEmpty());
  EXPECT_THAT(diagnose(one_disk(1), reading(10, {0}), Snapshot{}, Course()).disks, IsEmpty());
}

TEST(Condense, KeepsWhatADiagnosisNeeds) {
  Snapshot first = reading(10, {0, 0}), last = reading(20, {0, 0});
  for (std::size_t q = 0; q < 2; ++q) {
    QueueCounters& queue = last.devices[0].queues->at(q);
    queue.ops[VQS_WRITE].emplace().device.set(40, 1'000);
    queue.ops[VQS_WRITE]->device.sum_ns = 5'000'000;
    queue.origins[q].local = 1'000;
  }
  for (Snapshot* each : {&first, &last}) each->devices[0].notifies = {Histogram{}, Histogram{}};
  for (Boxed<Histogram>& notifies : last.devices[0].notifies) notifies->set(40, 500);
  const Diagnosis whole = diagnose(one_disk(2), first, last, Course());
  condense(first);
  condense(last);
  EXPECT_EQ(last.devices[0].notifies.size(), 1U);
  const Diagnosis condensed = diagnose(one_disk(2), first, last, Course());
  EXPECT_EQ(whole.disks.at(0).measured.ops[VQS_WRITE].device, condensed.disks.at(0).measured.ops[VQS_WRITE].device);
  EXPECT_EQ(condensed.disks.at(0).measured.ops[VQS_WRITE].device.count(), 2'000U);
  EXPECT_EQ(whole.disks.at(0).measured.requests_rate, condensed.disks.at(0).measured.requests_rate);
  EXPECT_THAT(whole.disks.at(0).measured.notified_share, Optional(0.5));
  EXPECT_THAT(condensed.disks.at(0).measured.notified_share, Optional(0.5));
  first.devices[0].notifies = {Histogram{}, {}};
  condense(first);
  EXPECT_THAT(first.devices[0].notifies, IsEmpty()) << "of one queue it is not known";
}

TEST(Phrases, ReadLikePeopleWrite) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(12.345), "12.3");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(103'210.4), "103,210");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(percent(0), "0 %");
  EXPECT_EQ(percent(0.001), "< 1 %");
  EXPECT_EQ(percent(0.724), "72 %");
  EXPECT_EQ(percent(0.9999), "> 99 %");
  EXPECT_EQ(percent(1), "100 %");
  EXPECT_EQ(duration(85e-6), "85 us");
  EXPECT_EQ(duration(999.7e-6), "1 ms");
  EXPECT_EQ(duration(1.234e-3), "1.23 ms");
  EXPECT_EQ(duration(999.4e-3), "999 ms");
  EXPECT_EQ(duration(999.7e-3), "1 s");
  EXPECT_EQ(duration(31), "31 s");
  EXPECT_EQ(throughput(403.4 * (1 << 20)), "403 MiB/s");
  EXPECT_EQ(plural(1, "queue"), "1 queue");
  EXPECT_EQ(plural(4, "queue"), "4 queues");
  EXPECT_EQ(cpu_shares({1, 0, 3}), "vCPU 2 (75 %), vCPU 0 (25 %)");
  EXPECT_EQ(cpu_shares({1, 1, 1, 1, 1, 5}, 2), "vCPU 5 (50 %), vCPU 0 (10 %) and 4 more");
}

TEST(Platforms, AreDetectedOrAllThatItMayBe) {
  Topology topology;
  const auto choose = [&](const char* vmm, const char* manager) {
    topology.vmm = vmm;
    topology.guest.manager = manager;
    return choose_platforms(topology, std::nullopt).platforms;
  };
  EXPECT_THAT(choose("firecracker", ""), ElementsAre(Platform::kFirecracker));
  EXPECT_THAT(choose("cloud-hypervisor", ""), ElementsAre(Platform::kCloudHypervisor));
  EXPECT_THAT(choose("qemu", "proxmox"), ElementsAre(Platform::kProxmox));
  EXPECT_THAT(choose("qemu", "ovirt"), ElementsAre(Platform::kOvirt));
  EXPECT_THAT(choose("qemu", "kubevirt"), ElementsAre(Platform::kKubevirt));
  EXPECT_THAT(choose("kvm", "openstack"), ElementsAre(Platform::kOpenStack));
  EXPECT_THAT(choose("kvm", "Nutanix AHV"), IsEmpty());
  EXPECT_EQ(choose_platforms(topology, std::nullopt).reason, "This guest runs on Nutanix AHV.");
  EXPECT_THAT(choose("", "Nutanix AHV"), IsEmpty());  // a host of theirs
  EXPECT_EQ(choose_platforms(topology, std::nullopt).reason, "This machine does not look like a guest.");
  EXPECT_THAT(choose("qemu", ""),
              ElementsAre(Platform::kQemu, Platform::kLibvirt, Platform::kProxmox, Platform::kOvirt));
  EXPECT_EQ(choose("kvm", "").size(), kPlatforms.size());
  EXPECT_THAT(choose("amazon-ec2", ""), IsEmpty());
  EXPECT_THAT(choose("", ""), IsEmpty());
  EXPECT_THAT(choose_platforms(topology, Platform::kLibvirt).platforms, ElementsAre(Platform::kLibvirt));
  for (const Platform platform : kPlatforms) EXPECT_THAT(parse_platform(name_of(platform)), Optional(platform));
  EXPECT_EQ(parse_platform("vmware"), std::nullopt);
}

}  // namespace
}  // namespace vqscope
