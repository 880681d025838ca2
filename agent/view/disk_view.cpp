// SPDX-License-Identifier: Apache-2.0
#include "agent/view/disk_view.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "agent/diagnosis/full_time.h"
#include "agent/diagnosis/phrases.h"
#include "agent/model/model.h"
#include "agent/model/window.h"

namespace vqscope {

namespace {

InFlight inflight_of(const QueueCounters& queue) {
  InFlight inflight{queue.inflight, std::nullopt};
  if (queue.oldest_ns) inflight.oldest_seconds = static_cast<double>(*queue.oldest_ns) / 1e9;
  return inflight;
}

std::optional<InFlight> inflight_of(const DeviceSnapshot& now) {
  if (!now.queues) {
    if (!now.accounting) return std::nullopt;
    return InFlight{now.accounting->inflight, std::nullopt};
  }
  InFlight all;
  for (const QueueCounters& queue : *now.queues) {
    const InFlight one = inflight_of(queue);
    all.requests += one.requests;
    all.oldest_seconds = std::max(all.oldest_seconds, one.oldest_seconds);
  }
  return all;
}

void add_requests(const DiskWindow& window, DiskView& view) {
  const Measured& measured = window.measured;
  view.at_device = latency_of(device_latency(measured));
  view.before_issue = latency_of(queue_latency(measured));
  // Not of the requests by vCPU, which were read a moment later: no operation has more than all of them together.
  view.requests_rate = static_cast<double>(view.at_device.count) / measured.seconds;
  view.bytes_rate = measured.bytes_rate;
  view.average_inflight = measured.average_inflight;
  view.submission_cpus = measured.submission_cpus;
  view.requeues = measured.requeues;
  view.avgqu_sz = 0;
  for (const QueueCounters& queue : *window.grown.queues) *view.avgqu_sz += average_queue_size(queue, measured.seconds);
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    const OpLoad& load = measured.ops[op];
    const std::uint64_t count = load.device.count();
    if (count == 0 && load.errors == 0) continue;
    view.operations[op] =
        OperationView{static_cast<double>(count) / measured.seconds, static_cast<double>(load.bytes) / measured.seconds,
                      load.errors, latency_of(load.device), latency_of(load.queue)};
  }
}

}  // namespace

std::optional<DiskWindow> disk_window(const Snapshot& earlier, const Snapshot& later, const std::string& name) {
  if (later.time_ns <= earlier.time_ns) return std::nullopt;
  const auto now = std::ranges::find(later.devices, name, &DeviceSnapshot::name);
  if (now == later.devices.end()) return std::nullopt;
  const DeviceSnapshot* before = find_device(earlier, *now);
  if (before == nullptr || began_anew(*before, *now)) return std::nullopt;
  DiskWindow window{difference(*before, *now), {}};
  window.measured = measure(window.grown, difference(earlier.completion_cpus, later.completion_cpus),
                            static_cast<double>(later.time_ns - earlier.time_ns) / 1e9, {}, {});
  return window;
}

DiskView disk_view(const Disk& disk, const DeviceSnapshot* now, const DiskWindow* window) {
  DiskView view;
  view.name = disk.name;
  view.queues = disk.queues.size();
  if (now != nullptr) view.inflight = inflight_of(*now);
  if (window == nullptr) return view;
  const Measured& measured = window->measured;
  if (measured.has_requests)
    add_requests(*window, view);
  else if (window->grown.accounting)
    view.avgqu_sz = static_cast<double>(window->grown.accounting->time_ns) / 1e9 / measured.seconds;
  view.time = measured.time;
  view.cost = measured.cost;
  if (disk.interrupts.empty()) return view;
  view.interrupts_rate = measured.interrupts_rate;
  view.busiest_share = measured.interrupt_share;
  if (view.busiest_share) view.busiest_cpu = busiest(measured.interrupts);
  return view;
}

std::string who_is(const Disk& disk) {
  std::vector<std::string> who;
  for (const std::string& part : {disk.driver, disk.transport, disk.bus_id})
    if (!part.empty()) who.push_back(part);
  if (!disk.scheduler.empty()) who.push_back("elevator " + disk.scheduler);
  return fmt::format("{}", fmt::join(who, ", "));
}

std::optional<double> host_share(const RequestTime& time) {
  if (!time.at_host || time.total() <= 0) return std::nullopt;
  return *time.at_host / time.total();
}

std::vector<QueueView> queue_views(const Disk& disk, const DeviceSnapshot* now, const DiskWindow* window) {
  std::vector<QueueView> views;
  if (now == nullptr || !now->queues) return views;
  const std::uint64_t requests = window == nullptr ? 0 : device_latency(window->measured).count();
  for (std::size_t q = 0; q < now->queues->size(); ++q) {
    QueueView& view = views.emplace_back();
    view.queue = q;
    if (q < disk.queues.size()) {
      view.type = disk.queues[q].type;
      view.cpus = disk.queues[q].cpus;
    }
    view.limit = request_limit(disk, q);
    view.inflight = inflight_of((*now->queues)[q]);
    if (window == nullptr || !window->grown.queues || q >= window->grown.queues->size()) continue;
    const QueueCounters& grown = (*window->grown.queues)[q];
    const double seconds = window->measured.seconds;
    view.at_device = latency_of(latency_histogram(window->grown, Phase::kAtDevice, q));
    view.before_issue = latency_of(latency_histogram(window->grown, Phase::kBeforeIssue, q));
    const auto through_it = static_cast<double>(view.at_device.count);
    view.requests_rate = through_it / seconds;
    if (requests > 0) view.share = through_it / static_cast<double>(requests);
    view.average_inflight = static_cast<double>(grown.inflight_ns) / 1e9 / seconds;
    view.avgqu_sz = average_queue_size(grown, seconds);
  }
  return views;
}

Histogram latency_histogram(const DeviceSnapshot& grown, Phase phase, std::optional<std::size_t> queue) {
  Histogram sum;
  for (std::size_t q = 0; grown.queues && q < grown.queues->size(); ++q) {
    if (queue.value_or(q) != q) continue;
    for (const Boxed<OpCounters>& op : (*grown.queues)[q].ops) {
      if (!op) continue;
      const OpCounters& counters = *op;
      sum += phase == Phase::kAtDevice ? counters.device : counters.queue;
    }
  }
  return sum;
}

}  // namespace vqscope
