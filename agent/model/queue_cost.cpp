// SPDX-License-Identifier: Apache-2.0
#include "agent/model/queue_cost.h"

#include <algorithm>
#include <numeric>

#include "agent/model/locks.h"
#include "agent/model/model.h"
#include "agent/model/request_time.h"

namespace vqscope {

namespace {

// Completions on the submitting vCPU that their mean needs, to be what others are compared with.
constexpr std::uint64_t kSomeCompletions = 100;
// Share of its time from which a vCPU is so busy with completions that what waits for it is worth a model.
constexpr double kBusyCpu = 0.8;

double seconds_of(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

void add_queue(const QueueCounters& queue, QueueCost& cost) {
  cost.request_seconds += seconds_of(queue.device_ns) + seconds_of(queue.queue_ns);
  if (!queue.delay) return;
  std::uint64_t local = 0, cross = 0;
  std::vector<std::uint64_t> submissions;
  for (const OriginCounters& origin : queue.origins) {
    local += origin.local;
    cross += origin.cross;
    submissions.push_back(origin.total());
  }
  const double on_local = seconds_of(queue.delay->local_ns), on_cross = seconds_of(queue.delay->cross_ns);
  // Without any to compare with, all of it.
  double crossing = on_cross;
  if (local >= kSomeCompletions)
    crossing -= std::min(on_cross, on_local / static_cast<double>(local) * static_cast<double>(cross));
  cost.completion_seconds += on_local + on_cross;
  cost.crossing_seconds += crossing;
  cost.sharing_seconds += (on_local + on_cross - crossing) * (1 - 1 / effective_number(submissions).value_or(1));
}

// Share of a CPU's time.
double busy_share(const CompletionCpu& cpu, double seconds) {
  return std::min(1.0, (seconds_of(cpu.hardirq_ns) + seconds_of(cpu.softirq_ns)) / seconds);
}

// How long an interrupt waits for a CPU that is so busy with them (M/M/1, from above: what is worked off is less
// irregular than that), for the requests whose interrupts land there; never longer than they were at the host.
void add_backlog(const DeviceSnapshot& window, const std::vector<CompletionCpu>& cpus, double seconds, double at_host,
                 QueueCost& cost) {
  std::vector<std::uint64_t> interrupts;
  for (const VectorCounters& vector : window.vectors) {
    interrupts.resize(std::max(interrupts.size(), vector.per_cpu.size()));
    for (std::size_t cpu = 0; cpu < vector.per_cpu.size(); ++cpu) interrupts[cpu] += vector.per_cpu[cpu];
  }
  std::uint64_t requests = 0;
  for (const QueueCounters& queue : *window.queues)
    for (const OriginCounters& origin : queue.origins) requests += origin.local + origin.cross;
  const double all = std::accumulate(interrupts.begin(), interrupts.end(), 0.0);
  for (std::size_t cpu = 0; cpu < interrupts.size() && cpu < cpus.size(); ++cpu) {
    if (interrupts[cpu] == 0) continue;
    const double busy = busy_share(cpus[cpu], seconds), count = static_cast<double>(interrupts[cpu]);
    cost.busiest_cpu = std::max(cost.busiest_cpu.value_or(0), busy);
    if (busy < kBusyCpu) continue;
    const double share = count / all, most = at_host * share;
    const double waits = busy * (busy * seconds / count) / (1 - std::min(busy, 0.9999));
    cost.backlog_seconds += std::min(most, waits * share * static_cast<double>(requests));
  }
}

}  // namespace

std::optional<double> QueueCost::ratio() const {
  return lock_seconds && request_seconds > 0 ? std::optional(measured_ratio()) : std::nullopt;
}

double QueueCost::measured_ratio() const {
  if (request_seconds <= 0) return 0;
  return std::min(1.0,
                  (crossing_seconds + sharing_seconds + backlog_seconds + lock_seconds.value_or(0)) / request_seconds);
}

std::optional<QueueCost> queue_cost(const DeviceSnapshot& window, const std::vector<CompletionCpu>& cpus,
                                    double seconds) {
  if (!window.queues || seconds <= 0) return std::nullopt;
  QueueCost cost;
  double at_device = 0;
  for (const QueueCounters& queue : *window.queues) {
    add_queue(queue, cost);
    at_device += seconds_of(queue.device_ns);
  }
  if (cost.completion_seconds <= 0 || cost.request_seconds <= 0) return std::nullopt;
  add_backlog(window, cpus, seconds, std::max(0.0, at_device - cost.completion_seconds), cost);
  // Without the driver's own lock, which requests take most, the others are no bound of their waits.
  if (counts_queue_locks(window)) {
    cost.lock_seconds = 0;
    for (const LockCounters& lock : window.locks)
      if (!is_elevators_one_lock(lock)) *cost.lock_seconds += seconds_of(lock.wait_ns);
  }
  return cost;
}

}  // namespace vqscope
