// SPDX-License-Identifier: Apache-2.0
// When a number becomes a finding. FINDINGS.md tells the same to users; every threshold has its reason here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vqscope {

// Requests per second from which a disk is judged at all: a tail or a distribution made of fewer says nothing.
inline constexpr double kJudgedRate = 100;

// Requests per second from which the way through queues and interrupts matters. One queue and one vCPU carry this many
// without effort; below it, a disk that has one queue is just a disk that has one queue.
inline constexpr double kBusyRate = 1'000;

// Share of the requests' time, from above, that the layout of queues and interrupts costs in this guest: below a tenth
// nobody would see the difference, a quarter is worth a restart of the guest.
inline constexpr double kCostWarning = 0.1;
inline constexpr double kCostCritical = 0.25;
// Share of a vCPU's time that is all of it: what little is left is not enough for whatever else runs there.
inline constexpr double kUsedUp = 0.9;

// Share of the requests' time that waits for a lock take, below which they are not worth a word, and how many waits
// that needs: a few that took long are those of vCPUs that did not run.
inline constexpr double kLockShare = 0.01;
inline constexpr double kFewestWaits = 100;

// Requests in flight or waiting in the guest, on average, from which they can wait for each other on their way: with
// fewer, most find queue and interrupted vCPU free, and sharing them is never critical.
inline constexpr double kSharedInflight = 2;

// ... below which they hardly meet each other at all, so that what was not measured of it is not taken for much.
inline constexpr double kAboutOne = 1.25;

// From how many vCPUs, in effect (inverse Simpson index), requests must come to count as "several": two vCPUs, of which
// one has a share of 11 % or more. Below, a second queue would have next to nothing to do.
inline constexpr double kSeveralCpus = 1.25;

// From how many queues, in effect, interrupts must come to be those of several: of two, one has a share of 11 % or
// more.
inline constexpr double kSeveralQueues = 1.25;

// Share of the interrupts on one vCPU that is "all": the rest is what strays when affinities change.
inline constexpr double kConcentrated = 0.9;

// Interrupts per second below which their distribution is not judged.
inline constexpr double kInterruptRate = 100;

// So many busy vCPUs, in effect, for each queue make having fewer queues than vCPUs a warning: with three for two
// queues, every second one shares. Large guests get fewer queues than vCPUs by design, and that is no fault while each
// queue serves about one busy vCPU.
inline constexpr double kCpusPerQueue = 1.5;

// Share of completions on another vCPU than the one that submitted. With a queue for each vCPU there should be none;
// half of them cannot be chance.
inline constexpr double kCrossShare = 0.5;

// A slice of time counts as "at the limit" when the exact average of in-flight over it is this share of what the queue
// can hold; a completion and the next issue always leave a short gap.
inline constexpr double kFullShare = 0.9;
// Share of the slices at the limit from which the queue is full.
inline constexpr double kFullTime = 0.25;
// Limits below this are those of emulated controllers that take one or a few requests at a time; being busy is being
// full there, and emulated_bus says what to do.
inline constexpr std::uint32_t kSmallestLimit = 16;

// Age of a request that hangs. Healthy disks answer within milliseconds, overloaded ones within a second or two.
inline constexpr double kStuckSeconds = 5;
// From here on drivers give up and reset (30 s is the timeout of NVMe and SCSI disks), and applications with them.
inline constexpr double kStuckCriticalSeconds = 30;

// Requeued requests per request, and per second: some are normal when a ring is full for a moment.
inline constexpr double kRequeueShare = 0.01;
inline constexpr double kRequeueRate = 10;

// Requests of one operation that a tail needs: with 1,000, ten lie above the 99th percentile.
inline constexpr std::uint64_t kTailRequests = 1'000;
// The tail is "far from the median" when p99 is this many times p50; storage alone seldom exceeds 5.
inline constexpr double kTailRatio = 10;
// ... and "felt" when p99 reaches this: a fast median makes large ratios of delays that nobody notices.
inline constexpr double kTailSeconds = 0.005;
// Share of a request's time at the device from which the host "dominates".
inline constexpr double kHostShare = 0.8;

// In flight on average from which the host may be at work all the time. Below, it certainly is not: the share of the
// time with a request in flight is at the most the average.
inline constexpr double kNeverIdle = 0.9;

// Many requests in flight that all take long, and about equally long, are what a limit of requests or bytes per second
// makes, or storage that is saturated. Eight: disks that turn reorder with fewer, and answer within 10 ms or so.
inline constexpr double kDeepInflight = 8;
inline constexpr double kSlowSeconds = 0.01;
// p90 over the median: 1.1 where a limit spaces requests, 2 to 3 where disks seek or latencies are as if by chance.
inline constexpr double kSteadyRatio = 2;
// p80 over the median, where one or two in ten take much longer than the others: 1.6 and more where disks seek.
inline constexpr double kSteadyRatioOfMost = 1.5;
// Requests of one operation that a ninth decile needs: 20 lie above.
inline constexpr std::uint64_t kSteadyRequests = 200;

// Requests per second below which a rate is not looked at for a limit: of fewer a second is too short to tell.
inline constexpr double kLimitedRate = 20;
// Time at the device from which many equally long ones stand in a line: storage that is not saturated answers sooner,
// or scatters.
inline constexpr double kQueuedSeconds = 0.002;
// Ninth decile over median, and median over first decile, that are "equally long" there: two or three buckets.
inline constexpr double kEvenRatio = 1.25;
// Standard deviations of the rate, from second to second: of a limit that is set (see tests/guests/LIMITS.md), of a
// rate that is steady, and of one that is taken for a plateau because in-flight varied three times as far. The first
// also as a share of what it is where n requests come one after the other, each as if by chance: 1 / sqrt(n).
inline constexpr double kSetSpread = 0.005;
inline constexpr double kSetScatter = 0.05;
inline constexpr double kSteadySpread = 0.02;
inline constexpr double kPlateauSpread = 0.05;
// Seconds of which a spread says something.
inline constexpr std::size_t kSomeSeconds = 5;
// Dispersion of in-flight from reading to reading (LoadSlice::unrest) below which a program keeps its requests in
// flight; where it sends them at a rate of its own, as if by chance, it is 1.
inline constexpr double kCalm = 0.5;
// Notifications per request from which, and up to which, they say something of what serves the queue at the host.
inline constexpr double kNotifiedOften = 0.75, kNotifiedSeldom = 0.25;

// Bytes of requests up to which a limit of 64 KiB on their size changes little.
inline constexpr double kSmallRequest = 65536;

// Share of a request's time before its issue, and the time itself, from which the guest's own queueing "dominates".
inline constexpr double kGuestShare = 0.5;
inline constexpr double kGuestSeconds = 0.001;

// Share of a vCPU's time that the host took away. Some per cent are usual where hosts are shared; from a tenth on,
// every tenth interrupt finds its vCPU not running.
inline constexpr double kSteal = 0.1;
inline constexpr double kStealCritical = 0.3;
// Share of a vCPU's time, from above, with which it has next to none to spare.
inline constexpr double kFullCpu = 0.95;
// Clock ticks of a vCPU from which it can be seen to be full: half a second.
inline constexpr std::uint64_t kFullTicks = 50;
// Clock ticks of one vCPU that a share needs: 2 s at 100 a second.
inline constexpr std::uint64_t kStealTicks = 200;

// Median time at the device below which a disk is "fast": flash behind virtio answers in 50 to 300 us, and sorting its
// requests costs more than it can win; disks that turn take milliseconds.
inline constexpr double kFastSeconds = 0.0005;

}  // namespace vqscope
