// SPDX-License-Identifier: Apache-2.0
// Findings about requests: when they hold, when they do not, their boundaries, and what is absent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/diagnosis/remedies.h"
#include "agent/model/window.h"
#include "tests/unit/disk_case.h"

namespace vqscope {
namespace {

using test::bit;
using test::Case;
using test::disk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

TEST(QueueFull, HoldsFromAShareOfTheTime) {
  Case full = disk(4, 4).requests({9'000, 9'000, 9'000, 9'000});
  full.measured.queues[2].full_share = 0.24;
  EXPECT_THAT(full.found(), IsEmpty());
  full.measured.queues[2].full_share = 0.25;
  full.measured.queues[2].average_inflight = 101;
  EXPECT_THAT(full.only().evidence,
              ElementsAre("Queue 2 of vda holds 128 requests at the most and was full for 25 % of "
                          "the time; on average 101 were in flight."));
  full.disk().nr_requests = 8;  // a toy of a queue is always full
  EXPECT_THAT(full.found(), IsEmpty());
  full.disk().nr_requests = 128;
  full.requests({900, 0, 0, 0});
  EXPECT_THAT(full.found(), IsEmpty());
}

TEST(QueueFull, OfALunIsItsDepthForAllQueues) {
  Case lun = disk(4, 4).requests({9'000, 9'000, 9'000, 9'000}).inflight(16);
  lun.disk().facts.queue_depth = 64;
  for (QueueLoad& queue : lun.measured.queues) queue.full_share = 1;
  const Found found = lun.only();
  EXPECT_THAT(found.evidence.front(),
              "vda holds 64 requests at the most, in all of its queues together "
              "(/sys/block/vda/device/queue_depth), and was full for 100 % of the time; on "
              "average 64 were in flight.");
  EXPECT_EQ(found.remedy, Remedy::kDeepenLun) << "a longer ring changes nothing";
  lun.disk().facts.queue_depth = 512;
  EXPECT_EQ(lun.only().remedy, Remedy::kDeepenQueue);
}

TEST(StuckRequest, HoldsByAgeAtAnyRate) {
  Case stuck = disk(4, 4);
  stuck.measured.inflight = 3;
  stuck.measured.oldest_seconds = 4.9;
  EXPECT_THAT(stuck.found(), IsEmpty());
  stuck.measured.oldest_seconds = 5;
  EXPECT_THAT(stuck.found(), ElementsAre("stuck_request warning"));
  stuck.measured.oldest_seconds = 31;
  EXPECT_EQ(stuck.only().severity, Severity::kCritical);
  EXPECT_THAT(stuck.only().evidence,
              ElementsAre("The oldest request at vda has been there for 31 s; 3 requests in flight."));
}

TEST(IoErrors, AreCriticalForDataAndInfoForDiscards) {
  Case failing = disk(4, 4);
  failing.measured.ops[VQS_DISCARD].errors = 2;
  EXPECT_THAT(failing.found(), ElementsAre("io_errors info"));
  failing.measured.ops[VQS_WRITE].errors = 1;
  EXPECT_EQ(failing.only().severity, Severity::kCritical);
  EXPECT_THAT(failing.only().evidence,
              ElementsAre("1 write request of vda failed.", "2 discard requests of vda failed."));
}

TEST(Requeues, NeedARateAndAShare) {
  Case requeued = disk(4, 4).requests({25'000, 25'000, 25'000, 25'000});
  requeued.measured.requeues = 990;
  EXPECT_THAT(requeued.found(), IsEmpty());
  requeued.measured.requeues = 1'000;
  EXPECT_THAT(requeued.found(), ElementsAre("requeues warning"));
  requeued.requests({10, 0, 0, 0});
  requeued.measured.requeues = 99;
  EXPECT_THAT(requeued.found(), IsEmpty());
}

TEST(Requeues, AreNotToldToBeMadeSmallerWhereTheyAreSmall) {
  const auto remedy = [](std::uint64_t bytes) {
    Case requeued = disk(4, 4).requests({25'000, 25'000, 25'000, 25'000});
    requeued.latency(VQS_READ, 100e-6, 2e-6, 100'000, bytes).measured.requeues = 2'000;
    return requeued.only().remedy;
  };
  EXPECT_EQ(remedy(4096), Remedy::kDeepenQueue);
  EXPECT_EQ(remedy(65536), Remedy::kDeepenQueue);
  EXPECT_EQ(remedy(1 << 20), Remedy::kMakeRoom);
}

TEST(Requeues, AreExplainedByMissingIndirectDescriptors) {
  Case requeued = disk(4, 4).requests({25'000, 25'000, 25'000, 25'000});
  requeued.measured.requeues = 2'000;
  requeued.disk().facts.virtio_features = bit(12);
  EXPECT_THAT(requeued.found(), ElementsAre("requeues warning", "indirect_descriptors_off info"));
  EXPECT_THAT(requeued.findings()[0].found.evidence, Contains(HasSubstr("Indirect descriptors are off")));
}

TEST(HostLatency, HoldsWhenTheTailIsFarFromTheMedianAndTheHostDominates) {
  const auto tail = [](double median, double slow, std::uint64_t slow_count, double queued) {
    return disk(4, 4).latency(VQS_READ, median, queued, 980).latency(VQS_READ, slow, queued, slow_count).found();
  };
  EXPECT_THAT(tail(200e-6, 20e-3, 20, 1e-6), ElementsAre("host_latency warning"));
  EXPECT_THAT(tail(200e-6, 20e-3, 5, 1e-6), IsEmpty());     // p99 is not slow, and too few requests
  EXPECT_THAT(tail(200e-6, 1.9e-3, 20, 1e-6), IsEmpty());   // not ten times
  EXPECT_THAT(tail(20e-6, 2e-3, 20, 1e-6), IsEmpty());      // nobody feels it
  EXPECT_THAT(tail(200e-6, 20e-3, 20, 500e-6), IsEmpty());  // the guest takes its share
}

TEST(HostLatency, JudgesReadsAndWritesApartAndLeavesFlushesAlone) {
  EXPECT_THAT(disk(4, 4).latency(VQS_READ, 100e-6, 0, 5'000).latency(VQS_WRITE, 30e-3, 0, 5'000).found(), IsEmpty());
  EXPECT_THAT(disk(4, 4).latency(VQS_FLUSH, 100e-6, 0, 900).latency(VQS_FLUSH, 30e-3, 0, 200).found(), IsEmpty());
}

TEST(GuestLatency, HoldsWhenWaitingInsideDominates) {
  Case waiting = disk(4, 4).latency(VQS_WRITE, 400e-6, 1.1e-3, 1'000).inflight(0.01);
  waiting.disk().scheduler = "bfq";
  waiting.disk().facts.wbt_lat_usec = 75'000;
  waiting.measured.requeues = 50;
  EXPECT_THAT(
      waiting.only().evidence,
      ElementsAre(
          "A write waits 1.1 ms in this kernel before it is handed to the device, and 400 us there.",
          "On average 0.04 were in flight at the device, which moved 0.39 MiB/s: for 96 % of the time or more it "
          "had nothing to do.",
          "The driver pushed 5 requests/s back.", "The elevator is bfq."));
  EXPECT_EQ(waiting.only().remedy, Remedy::kGuestQueueing);
  waiting.measured.queues[1].full_share = 0.24;
  EXPECT_THAT(
      waiting.only().evidence,
      Contains("The driver pushed 5 requests/s back, and the fullest queue was at its limit for 24 % of the time."));
  EXPECT_THAT(disk(4, 4).latency(VQS_WRITE, 400e-6, 1.1e-3, 999).found(), IsEmpty());
  EXPECT_THAT(disk(4, 4).latency(VQS_WRITE, 400e-6, 0.9e-3, 1'000).found(), IsEmpty());
  EXPECT_THAT(disk(4, 4).latency(VQS_WRITE, 1.3e-3, 1.1e-3, 1'000).found(), IsEmpty());
}

TEST(GuestLatency, SaysNothingOfAnIdleHostWhenOneRequestOrMoreIsInFlight) {
  const Case waiting = disk(1, 1).latency(VQS_READ, 2e-3, 9e-3, 4'000).inflight(0.95);
  EXPECT_THAT(
      waiting.only().evidence,
      Contains("On average 0.95 were in flight at the device, which moved 1.6 MiB/s: those that wait may wait behind "
               "these, for what the device can do."));
}

TEST(GuestLatency, IsNotToldWhenTheQueueIsFull) {
  Case full = disk(4, 4).requests({9'000, 9'000, 9'000, 9'000}).latency(VQS_WRITE, 400e-6, 5e-3, 9'000);
  full.measured.queues[0].full_share = 1;
  EXPECT_THAT(full.found(), ElementsAre("queue_full warning"));
}

TEST(GuestLatency, IsInformationAtAnEmulatedControllersLimit) {
  Case ide = disk(1, 1).requests({2'000}).latency(VQS_READ, 4e-3, 20e-3, 2'000).inflight(0.97);
  ide.disk().queues[0].tags = 1;
  ide.measured.queues[0].full_share = 0.9;
  EXPECT_THAT(ide.found(), ElementsAre("guest_latency info"));
  EXPECT_EQ(ide.only().remedy, Remedy::kNone);
  EXPECT_EQ(ide.only().evidence.back(),
            "Queue 0 of vda holds 1 request at the most and was full for 90 % of the time; on average 0.97 were in "
            "flight.");
}

// Sequential reads of 1 MiB at depth 8 on Firecracker: the ring of 256 entries holds one of them.
TEST(Requeues, TellOfRequestsThatFillTheRingAndWaitBehindTheHost) {
  Case large = disk(1, 1).requests({4'000}).latency(VQS_READ, 2.4e-3, 9.78e-3, 4'000, 1 << 20).inflight(0.97);
  large.measured.requeues = 3'900;
  large.disk().scheduler = "mq-deadline";
  large.disk().facts.virtio_features = 0;
  large.disk().facts.wbt_lat_usec = 75'000;
  large.disk().facts.max_segments = 254;
  EXPECT_THAT(large.found(), ElementsAre("requeues warning", "indirect_descriptors_off info"));
  EXPECT_THAT(
      large.findings()[0].found.evidence,
      ElementsAre(
          "The driver pushed 390 requests/s back, of 400 requests/s that it completed.",
          "Indirect descriptors are off (virtio feature 28): a request takes an entry of the ring for "
          "each piece of its memory, and two more.",
          "One of 1,024 KiB, the mean, takes up to 256 of about 256 entries (estimated: twice the 128 tags), fewer "
          "where its memory lies together: as few as 1 fill the ring.",
          "A read waits 9.78 ms in this kernel before it is handed to the device, and 2.4 ms there.",
          "On average 0.97 were in flight at the device, which moved 400 MiB/s: those that wait may wait behind these, "
          "for what the device can do."));
}

TEST(Requeues, EstimateNoRingOfDisksThatHaveNoneOrUseIndirectDescriptors) {
  Case requeued = disk(1, 1).requests({100'000}).latency(VQS_READ, 1e-3, 1e-6, 100'000).inflight(80);
  requeued.measured.requeues = 2'000;
  const auto ring = Contains(HasSubstr("entries"));
  EXPECT_THAT(requeued.only().evidence, Not(ring));  // features are not known
  requeued.disk().facts.virtio_features = bit(28);
  EXPECT_THAT(requeued.only().evidence, Not(ring));
  requeued.disk().facts.virtio_features = 0;
  EXPECT_THAT(
      requeued.findings()[0].found.evidence,
      Contains(
          "One of 4 KiB, the mean, takes up to 3 of about 256 entries (estimated: twice the 128 tags), fewer where "
          "its memory lies together: as few as 85 fill the ring."));
  requeued.disk().queues[0].tags.reset();
  EXPECT_THAT(requeued.findings()[0].found.evidence, Not(ring));
  requeued.disk().queues[0].tags = 128;
  requeued.disk().driver = "nvme";
  EXPECT_THAT(requeued.findings()[0].found.evidence, Not(ring));
}

// An EC2 guest at the limit of its volume: 3,000 requests/s, 64 in flight, 21 ms.
Case at_limit() {
  Case result = disk(4, 4).requests({7'500, 7'500, 7'500, 7'500}).inflight(16);
  result.latency(VQS_READ, 21e-3, 2e-6, 29'400).latency(VQS_READ, 24e-3, 2e-6, 600);
  for (QueueLoad& queue : result.measured.queues) queue.submissions = {7'500};
  return result;
}

TEST(SlowAtDevice, HoldsWhenManyWaitEquallyLongThere) {
  const Case limited = at_limit();
  EXPECT_THAT(limited.found(), ElementsAre("slow_at_device warning"));
  EXPECT_EQ(limited.only().remedy, Remedy::kFindLimit);
  EXPECT_THAT(limited.only().evidence,
              ElementsAre("On average 64 were in flight at the device, which answered 3,000 requests/s and moved "
                          "12 MiB/s.",
                          HasSubstr("Before, they spent 2 us in this kernel on average."),
                          "They come through 4 queues; the busiest has 16 in flight and can hold 128."));
}

TEST(SlowAtDevice, DoesNotHoldOnDisksThatAreMerelyBusy) {
  EXPECT_THAT(at_limit().inflight(1.9).found(), IsEmpty());               // few in flight
  EXPECT_THAT(at_limit().requests({49, 49, 49, 49}).found(), IsEmpty());  // not 20 requests/s
  EXPECT_THAT(at_limit().requests({50, 50, 50, 50}).found(), ElementsAre("slow_at_device warning"));
  const auto with = [](double device, double tenth, double queued) {
    return disk(4, 4)
        .requests({7'500, 7'500, 7'500, 7'500})
        .inflight(16)
        .latency(VQS_WRITE, device, queued, 880)
        .latency(VQS_WRITE, tenth, queued, 120)
        .found();
  };
  EXPECT_THAT(with(21e-3, 21e-3, 0), ElementsAre("slow_at_device warning"));
  EXPECT_THAT(with(9e-3, 9e-3, 0), IsEmpty());                                // fast enough
  EXPECT_THAT(with(21e-3, 60e-3, 0), ElementsAre("slow_at_device warning"));  // but for one in eight
  EXPECT_THAT(with(21e-3, 21e-3, 0.9e-3), ElementsAre("slow_at_device warning"));
  EXPECT_THAT(with(21e-3, 21e-3, 7e-3), IsEmpty());                                 // the guest takes its share
  Case scattered = disk(4, 4).requests({7'500, 7'500, 7'500, 7'500}).inflight(16);  // as on a disk that seeks
  for (const double device : {5e-3, 11e-3, 20e-3, 30e-3, 45e-3}) scattered.latency(VQS_WRITE, device, 0, 200);
  EXPECT_THAT(scattered.found(), IsEmpty());
}

TEST(SlowAtDevice, DoesNotHoldWhereMoreInFlightBringMore) {
  Case each = at_limit();
  std::vector<LoadSlice> slices;
  for (const double inflight : {8.0, 24.0, 8.0, 24.0, 16.0, 8.0, 24.0, 20.0, 12.0, 8.0})
    slices.push_back({1, inflight / 0.021, inflight / 0.021 * 4096, inflight, inflight, 0});
  each.measured.steadiness = steadiness(slices);
  EXPECT_THAT(each.found(), IsEmpty()) << "each takes that long, whatever else is in flight";
}

TEST(SlowAtDevice, TakesTheBlameFromTheLayoutOfInterrupts) {
  Case limited = at_limit();
  limited.interrupts({9'000, 0, 0, 0}).measured.cross_share = 0.75;
  EXPECT_THAT(limited.found(), UnorderedElementsAre("slow_at_device warning", "irq_concentrated info"));
}

TEST(SlowAtDevice, TakesNoBlameFromACostThatWasMeasured) {
  Case costly = at_limit();
  costly.interrupts({9'000, 0, 0, 0}).cost(0.3).measured.cross_share = 0.75;
  EXPECT_THAT(costly.found(), ElementsAre("irq_concentrated critical"));
}

TEST(SlowAtDevice, IsToldInPlaceOfAQueueThatIsFullOfThem) {
  Case full = at_limit();
  full.measured.queues[0].full_share = 0.5;
  EXPECT_THAT(full.found(), ElementsAre("slow_at_device warning"));
  EXPECT_THAT(full.only().evidence, Contains(HasSubstr("was full for 50 % of the time")));
}

TEST(SlowAtDevice, OfADiskThatIsNotTheHypervisorsNamesNoHost) {
  Case loop = at_limit();
  loop.disk().transport = "virtual";
  EXPECT_THAT(loop.found(), ElementsAre("slow_at_device warning"));
  EXPECT_THAT(instructions_for(Remedy::kFindLimit, &loop.disk(), loop.topology, {Platform::kQemu}).steps, IsEmpty());
}

TEST(SlowAtDevice, LeavesTheOneQueueNoMoreThanWorthKnowing) {
  Case one = disk(1, 4);
  one.requests({7'500, 7'500, 7'500, 7'500})
      .interrupts({30'000, 0, 0, 0})
      .inflight(64)
      .latency(VQS_READ, 21e-3, 2e-6, 1'000);
  EXPECT_THAT(one.found(), ElementsAre("single_queue info", "slow_at_device warning"));
  EXPECT_THAT(
      one.findings()[0].found.evidence,
      Contains("Nearly all requests stay at the device equally long (slow_at_device): that may be the one thread of "
               "the host that serves the queue, and as well the storage or a limit."));
}

}  // namespace
}  // namespace vqscope
