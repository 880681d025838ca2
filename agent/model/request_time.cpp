// SPDX-License-Identifier: Apache-2.0
#include "agent/model/request_time.h"

#include <algorithm>

#include "agent/model/locks.h"

namespace vqscope {

namespace {

// Share of the requests whose interrupt was traced from which the others, in polled queues for one, change nothing.
constexpr double kNearlyAll = 0.99;

double seconds_of(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace

std::optional<RequestTime> request_time(const DeviceSnapshot& window) {
  if (!window.queues) return std::nullopt;
  RequestTime time;
  double before_issue = 0, at_device = 0, local = 0, cross = 0;
  std::uint64_t traced = 0;
  for (const QueueCounters& queue : *window.queues) {
    before_issue += seconds_of(queue.queue_ns);
    at_device += seconds_of(queue.device_ns);
    const CompletionDelay delay = queue.delay.value_or(CompletionDelay{});
    local += seconds_of(delay.local_ns);
    cross += seconds_of(delay.cross_ns);
    for (const OriginCounters& origin : queue.origins) {
      time.requests += origin.total();
      if (queue.delay) traced += origin.local + origin.cross;
    }
  }
  if (time.requests == 0) return std::nullopt;
  time.before_issue = before_issue;
  time.at_device = at_device;
  if (static_cast<double>(traced) >= kNearlyAll * static_cast<double>(time.requests)) {
    time.at_host = std::max(0.0, at_device - local - cross);
    time.completion = local + cross;
    time.completion_local = local;
    time.completion_cross = cross;
  }
  if (counts_queue_locks(window)) {
    time.lock_waits = 0;
    for (const LockCounters& lock : window.locks) *time.lock_waits += seconds_of(lock.wait_ns);
  }
  return time;
}

bool counts_queue_locks(const DeviceSnapshot& window) {
  return std::ranges::any_of(window.locks,
                             [](const LockCounters& lock) { return lock.lock == kLockNames[VQS_QUEUE_LOCK]; });
}

}  // namespace vqscope
