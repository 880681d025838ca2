// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/measured.h"

#include <algorithm>
#include <numeric>

#include "agent/model/model.h"
#include "agent/model/window.h"

namespace vqscope {

namespace {

double sum(const std::vector<std::uint64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), 0.0); }

void add_requests(const DeviceSnapshot& window, const std::vector<std::optional<double>>& full_shares,
                  Measured& measured) {
  std::uint64_t local = 0, cross = 0, requests = 0;
  double bytes = 0;
  for (std::size_t q = 0; q < window.queues->size(); ++q) {
    const QueueCounters& counters = (*window.queues)[q];
    QueueLoad& queue = measured.queues.emplace_back();
    queue.average_inflight = static_cast<double>(counters.inflight_ns) / 1e9 / measured.seconds;
    if (q < full_shares.size()) queue.full_share = full_shares[q];
    measured.average_inflight += queue.average_inflight;
    measured.requeues += counters.requeues;
    measured.inflight += counters.inflight;
    if (counters.oldest_ns)
      measured.oldest_seconds =
          std::max(measured.oldest_seconds.value_or(0), static_cast<double>(*counters.oldest_ns) / 1e9);
    for (const OriginCounters& origin : counters.origins) {
      queue.submissions.push_back(origin.total());
      local += origin.local;
      cross += origin.cross;
    }
    for (std::size_t op = 0; op < VQS_OPS; ++op) {
      if (!counters.ops[op]) continue;
      measured.ops[op].device += counters.ops[op]->device;
      measured.ops[op].queue += counters.ops[op]->queue;
      measured.ops[op].bytes += counters.ops[op]->bytes;
      measured.ops[op].errors += counters.ops[op]->errors;
      bytes += static_cast<double>(counters.ops[op]->bytes);
      requests += counters.ops[op]->device.count();
    }
  }
  measured.submissions = submissions_per_cpu(window);
  measured.submission_cpus = effective_number(measured.submissions);
  measured.requests_rate = static_cast<double>(requests) / measured.seconds;
  measured.bytes_rate = bytes / measured.seconds;
  measured.interrupted_rate = static_cast<double>(local + cross) / measured.seconds;
  if (local + cross > 0) measured.cross_share = static_cast<double>(cross) / static_cast<double>(local + cross);
}

// nullopt where notifications were not counted, or no request was.
std::optional<double> notified_share(const DeviceSnapshot& window, const Measured& measured) {
  const double requests = sum(measured.submissions);
  if (window.notifies.empty() || requests == 0) return std::nullopt;
  double notifications = 0;
  for (const Boxed<Histogram>& queue : window.notifies) {
    if (!queue) return std::nullopt;
    notifications += static_cast<double>(queue->count());
  }
  return notifications / requests;
}

}  // namespace

Measured measure(const DeviceSnapshot& window, const std::vector<CompletionCpu>& cpus, double seconds,
                 const std::vector<std::optional<double>>& full_shares, std::span<const LoadSlice> slices) {
  Measured measured;
  measured.seconds = seconds;
  if (seconds <= 0) return measured;
  measured.has_requests = window.queues.has_value();
  if (window.queues) add_requests(window, full_shares, measured);
  measured.notified_share = notified_share(window, measured);
  measured.steadiness = steadiness(slices);
  measured.moved_queue = moved_queue(slices);
  measured.cost = queue_cost(window, cpus, seconds);
  measured.time = request_time(window);
  measured.locks = window.locks;
  measured.interrupts = interrupts_per_cpu(window);
  measured.interrupt_share = concentration(measured.interrupts);
  measured.interrupts_rate = sum(measured.interrupts) / seconds;
  for (const VectorCounters& vector : window.vectors) {
    if (!vector.line.queue)
      measured.shared_interrupts = measured.shared_interrupts.value_or(0) +
                                   std::accumulate(vector.per_cpu.begin(), vector.per_cpu.end(), std::uint64_t{0});
    else if (*vector.line.queue < measured.queues.size())
      add_counts(vector.per_cpu, measured.queues[*vector.line.queue].interrupts);
  }
  return measured;
}

Histogram device_latency(const Measured& measured) {
  Histogram total;
  for (const OpLoad& op : measured.ops) total += op.device;
  return total;
}

Histogram queue_latency(const Measured& measured) {
  Histogram total;
  for (const OpLoad& op : measured.ops) total += op.queue;
  return total;
}

}  // namespace vqscope
