// SPDX-License-Identifier: Apache-2.0
// Findings about how the disk and the guest were set up: the bus, the elevator, the ring, stolen time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/disk_case.h"

namespace vqscope {
namespace {

using test::bit;
using test::Case;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr auto& disk = test::loaded_disk;

TEST(EmulatedBus, IsAFactOfGuestsOnly) {
  Case sata = disk(1, 4);
  sata.disk().transport = "ata";
  sata.disk().driver = "ahci";
  EXPECT_THAT(sata.found(), ElementsAre("emulated_bus info"));
  EXPECT_THAT(sata.requests({1'000, 0, 0, 0}).found(), ElementsAre("emulated_bus warning"));
  sata.disk().name = "sr0";  // a CD-ROM drive
  EXPECT_THAT(sata.found(), IsEmpty());
  sata.disk().name = "sda";
  sata.topology.vmm = "";
  EXPECT_THAT(sata.found(), Not(Contains(HasSubstr("emulated_bus"))));
  Case scsi = disk(1, 4);
  scsi.disk().virtio.reset();
  scsi.disk().transport = "scsi";
  scsi.disk().driver = "sym53c8xx";
  EXPECT_THAT(scsi.found(), ElementsAre("emulated_bus info"));
  scsi.disk().driver = "ibmvscsi";
  scsi.topology.vmm = "qemu";
  EXPECT_THAT(scsi.found(), ElementsAre("emulated_bus info"));
  scsi.topology.vmm = "powervm";
  EXPECT_THAT(scsi.found(), IsEmpty()) << "whose own adapter it is";
}

TEST(ElevatorOnFastDisk, NeedsABusyFastDisk) {
  const auto with = [](const char* elevator, double seconds, std::uint64_t count) {
    Case result = disk(4, 4).requests({count, count, count, count}).latency(VQS_READ, seconds, 0, 4 * count);
    result.disk().scheduler = elevator;
    return result.found();
  };
  EXPECT_THAT(with("mq-deadline", 100e-6, 9'000), ElementsAre("elevator_on_fast_disk info"));
  EXPECT_THAT(with("bfq", 100e-6, 9'000), ElementsAre("elevator_on_fast_disk warning"));
  EXPECT_THAT(with("none", 100e-6, 9'000), IsEmpty());
  EXPECT_THAT(with("", 100e-6, 9'000), IsEmpty());
  EXPECT_THAT(with("bfq", 1e-3, 9'000), IsEmpty());
  EXPECT_THAT(with("bfq", 100e-6, 2'000), IsEmpty());
}

// Four vCPUs do 10,000 requests/s of 100 us each; the elevator's one lock was waited for so many times in 10 s, so
// long.
Case with_elevator_lock(std::uint64_t waits, double seconds, std::optional<std::uint64_t> longest_ns = {}) {
  Case result = disk(4, 4).requests({25'000, 25'000, 25'000, 25'000});
  result.disk().scheduler = "mq-deadline";
  result.measured.time.emplace();
  result.measured.time->requests = 100'000;
  result.measured.time->before_issue = 4;
  result.measured.time->at_device = 6;
  result.measured.locks = {{"queue", 0U, 0, 0, {}},
                           {"elevator", {}, waits, static_cast<std::uint64_t>(seconds * 1e9), longest_ns}};
  return result;
}

TEST(ElevatorLock, IsAsSevereAsTheShareOfTheRequestsTimeThatItIsWaitedFor) {
  EXPECT_THAT(with_elevator_lock(50'000, 0.09).found(), IsEmpty());
  EXPECT_THAT(with_elevator_lock(50'000, 0.1).found(), ElementsAre("elevator_lock info"));
  EXPECT_THAT(with_elevator_lock(50'000, 0.99).found(), ElementsAre("elevator_lock info"));
  EXPECT_THAT(with_elevator_lock(50'000, 1).found(), ElementsAre("elevator_lock warning"));
  EXPECT_THAT(with_elevator_lock(50'000, 2.5).found(), ElementsAre("elevator_lock critical"));
}

TEST(ElevatorLock, TellsWaitsShareMeanAndTheLongestApart) {
  const Found found = with_elevator_lock(50'001, 1.504, 4'000'000).only();
  EXPECT_EQ(found.remedy, Remedy::kSpareElevatorLock);
  EXPECT_THAT(
      found.evidence,
      ElementsAre(
          "The elevator of vda, mq-deadline, has one lock for the whole disk (4 queues), which 10,000 requests/s take.",
          "It was waited for 5,000 times a second, 30 us each on average: together 15 % of the requests' "
          "time, and 15 % of one vCPU's.",
          "The longest wait, which is not among these, took 4 ms: one of milliseconds is that of a vCPU "
          "that did not run."));
  EXPECT_THAT(found.numbers, Contains(std::pair<std::string, double>("lock_wait_longest_seconds", 0.004)));
}

TEST(ElevatorLock, IsNotBlamedForAFewWaitsOfVcpusThatDidNotRun) {
  EXPECT_THAT(with_elevator_lock(99, 2).found(), IsEmpty());
  EXPECT_THAT(with_elevator_lock(50'000, 2, 1'950'000'000).found(), IsEmpty()) << "one of them took nearly all of it";
}

TEST(ElevatorLock, IsNoneWhereNothingWasMeasuredOrEachQueueHasOne) {
  Case unmeasured = with_elevator_lock(50'000, 2);
  unmeasured.measured.locks.clear();
  EXPECT_THAT(unmeasured.found(), IsEmpty());
  Case kyber = with_elevator_lock(50'000, 2);
  kyber.measured.locks.back().queue = 0;
  EXPECT_THAT(kyber.found(), IsEmpty());
  EXPECT_THAT(with_elevator_lock(50'000, 2).requests({9'000, 0, 0, 900}).found(), Not(Contains(HasSubstr("elevator"))));
}

TEST(ElevatorLock, IsToldInPlaceOfTheElevatorOnAFastDiskUnlessThatIsWorse) {
  const auto on_fast_disk = [](const char* elevator, double seconds) {
    Case result = with_elevator_lock(50'000, seconds).latency(VQS_READ, 60e-6, 40e-6, 100'000);
    result.disk().scheduler = elevator;
    return result.found();
  };
  EXPECT_THAT(on_fast_disk("mq-deadline", 0.05), ElementsAre("elevator_on_fast_disk info"));
  EXPECT_THAT(on_fast_disk("mq-deadline", 0.5), ElementsAre("elevator_lock info"));
  EXPECT_THAT(on_fast_disk("bfq", 0.5), ElementsAre("elevator_lock info", "elevator_on_fast_disk warning"));
  EXPECT_THAT(on_fast_disk("bfq", 1.5), ElementsAre("elevator_lock warning"));
}

TEST(ElevatorLock, IsLeftToADiskWhoseZonesNeedIt) {
  Case zoned = with_elevator_lock(50'000, 2);
  zoned.disk().facts.settings = {{"zoned", "host-managed"}};
  EXPECT_EQ(zoned.only().remedy, Remedy::kNone);
  EXPECT_THAT(zoned.only().evidence, Contains(HasSubstr("zones")));
}

TEST(IndirectDescriptorsOff, IsAFactWhereFeaturesAreKnown) {
  Case off = disk(4, 4);
  off.disk().facts.virtio_features = bit(12);
  EXPECT_THAT(off.found(), ElementsAre("indirect_descriptors_off info"));
  off.disk().facts.virtio_features = bit(12) | bit(28);
  EXPECT_THAT(off.found(), IsEmpty());
}

TEST(Steal, IsJudgedByTheWorstCpu) {
  const Topology topology = disk(4, 4).topology;
  const auto found = [&](std::vector<CpuTime> times) { return find_all(GuestEvidence{topology, times}); };
  EXPECT_THAT(found({}), IsEmpty());
  EXPECT_THAT(found({{1'000, 99}, {1'000, 0}}), IsEmpty());
  EXPECT_THAT(found({{199, 199}}), IsEmpty());  // too short
  const auto steal = found({{1'000, 100}, {1'000, 0}});
  ASSERT_EQ(steal.size(), 1U);
  EXPECT_EQ(steal[0].kind->id, "steal");
  EXPECT_EQ(steal[0].device, "");
  EXPECT_EQ(steal[0].found.severity, Severity::kWarning);
  EXPECT_THAT(steal[0].found.evidence, ElementsAre("vCPU 0 was ready to run and not run by the host for 10 % of the "
                                                   "time; over all vCPUs it was 5 %."));
  EXPECT_EQ(found({{1'000, 0}, {1'000, 300}}).at(0).found.severity, Severity::kCritical);
}

}  // namespace
}  // namespace vqscope
