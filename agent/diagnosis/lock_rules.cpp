// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "agent/diagnosis/layout_cost.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/model/locks.h"

namespace vqscope {

std::optional<Found> elevator_lock(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  const auto lock = std::ranges::find_if(measured.locks, is_elevators_one_lock);
  if (lock == measured.locks.end() || !measured.time || measured.time->total() <= 0 || !is_busy(evidence))
    return std::nullopt;
  // Where the host takes a vCPU away while it waits, one wait is as long as thousands: it is told apart.
  const bool apart = lock->longest_ns && lock->waits > 1 && lock->wait_ns > *lock->longest_ns;
  const auto waits = static_cast<double>(lock->waits - (apart ? 1 : 0));
  const double seconds = static_cast<double>(lock->wait_ns - (apart ? *lock->longest_ns : 0)) / 1e9;
  const double share = std::min(1.0, seconds / measured.time->total());
  if (waits < kFewestWaits || share < kLockShare) return std::nullopt;
  Found found;
  found.severity = severity_of_share(share);
  found.evidence = {
      fmt::format("The elevator of {}, {}, has one lock for the whole disk ({}), which {} requests/s take.",
                  evidence.disk.name, evidence.disk.scheduler,
                  plural(static_cast<double>(evidence.disk.queues.size()), "queue"), grouped(measured.requests_rate)),
      fmt::format(
          "It was waited for {} times a second, {} each on average: together {} of the requests' time, and {} of "
          "one {}'s.",
          grouped(waits / measured.seconds), duration_in_ns(seconds / waits), percent(share),
          percent(seconds / measured.seconds), is_guest(evidence.topology) ? "vCPU" : "CPU")};
  if (apart)
    found.evidence.push_back(fmt::format(
        "The longest wait, which is not among these, took {}: one of milliseconds is that of a vCPU that did not run.",
        duration_in_ns(static_cast<double>(*lock->longest_ns) / 1e9)));
  if (is_zoned(evidence.disk))
    found.evidence.emplace_back(
        "Its zones have to be written in order, which before Linux 6.10 mq-deadline alone sees to, so it is to stay.");
  else
    found.remedy = Remedy::kSpareElevatorLock;
  found.numbers = {{"lock_wait_ratio", share},
                   {"lock_waits_per_second", waits / measured.seconds},
                   {"lock_wait_mean_seconds", seconds / waits},
                   {"lock_wait_cpus", seconds / measured.seconds},
                   {"requests_per_second", measured.requests_rate}};
  if (apart) found.numbers.emplace_back("lock_wait_longest_seconds", static_cast<double>(*lock->longest_ns) / 1e9);
  return found;
}

}  // namespace vqscope
