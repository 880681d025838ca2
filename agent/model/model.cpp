// SPDX-License-Identifier: Apache-2.0
#include "agent/model/model.h"

#include <algorithm>
#include <numeric>

#include "agent/model/queue_cost.h"
#include "agent/model/window.h"

namespace vqscope {

namespace {

constexpr std::uint64_t kShortestWindowNs = 100'000'000;
constexpr std::uint64_t kApartNs = 100'000'000;  // see keep_integral()

void derive_window(const DeviceSnapshot& window, const std::vector<CompletionCpu>& completion_cpus, double seconds,
                   DeviceModel& device) {
  if (window.queues)
    for (std::size_t q = 0; q < window.queues->size(); ++q)
      device.avgqu_sz[q] = average_queue_size((*window.queues)[q], seconds);
  if (window.accounting) device.accounted_avgqu_sz = static_cast<double>(window.accounting->time_ns) / 1e9 / seconds;
  const auto interrupts = interrupts_per_cpu(window);
  device.irq_concentration = concentration(interrupts);
  device.irq_effective_cpus = effective_number(interrupts);
  device.submission_effective_cpus = effective_number(submissions_per_cpu(window));
  if (const auto cost = queue_cost(window, completion_cpus, seconds)) device.queue_cost = cost->ratio();
}

// See keep_monotonic(). `apart`: the readings are so far apart that no program is still writing what it wrote then.
void keep_integral(const QueueCounters& before, bool apart, QueueCounters& queue) {
  queue.raised_ns = before.raised_ns;
  if (apart && queue.inflight_ns + queue.raised_ns < before.inflight_ns) queue.raised_ns += before.held_ns;
  const std::uint64_t now = queue.inflight_ns + queue.raised_ns;
  queue.inflight_ns = std::max(now, before.inflight_ns);
  queue.held_ns = queue.inflight_ns - now;
}

}  // namespace

double average_queue_size(const QueueCounters& window, double seconds) {
  const std::uint64_t known = window.device_ns + window.queue_ns;
  const std::uint64_t beyond = window.time_ns > known ? window.time_ns - known : 0;
  return static_cast<double>(window.inflight_ns + window.queue_ns + beyond) / 1e9 / seconds;
}

std::optional<double> concentration(std::span<const std::uint64_t> counts) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  if (total == 0) return std::nullopt;
  return static_cast<double>(*std::max_element(counts.begin(), counts.end())) / total;
}

std::optional<double> effective_number(std::span<const std::uint64_t> counts) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  if (total == 0) return std::nullopt;
  double sum = 0;
  for (const std::uint64_t count : counts) {
    const double share = static_cast<double>(count) / total;
    sum += share * share;
  }
  return 1 / sum;
}

void keep_monotonic(const Snapshot& previous, Snapshot& current) {
  const bool apart = current.time_ns >= previous.time_ns + kApartNs;
  if (previous.losses && current.losses)
    for (std::size_t i = 0; i < current.losses->size(); ++i)
      (*current.losses)[i] = std::max((*current.losses)[i], (*previous.losses)[i]);
  for (DeviceSnapshot& device : current.devices) {
    const DeviceSnapshot* before = find_device(previous, device);
    if (before == nullptr || !before->queues || !device.queues) continue;
    for (std::size_t q = 0; q < device.queues->size() && q < before->queues->size(); ++q) {
      QueueCounters& queue = (*device.queues)[q];
      keep_integral((*before->queues)[q], apart, queue);
      queue.time_ns = std::max(queue.time_ns, (*before->queues)[q].time_ns);
    }
  }
}

Model derive(const Topology& topology, Snapshot snapshot, const Snapshot* earlier, std::vector<ProbeStatus> probes) {
  Model model;
  model.online_cpus = topology.online_cpus;
  model.vmm = topology.vmm;
  model.probes = std::move(probes);
  model.losses = snapshot.losses;
  model.completion_cpus = std::move(snapshot.completion_cpus);
  for (DeviceSnapshot& counters : snapshot.devices) {
    const auto disk = std::find_if(topology.disks.begin(), topology.disks.end(),
                                   [&](const Disk& d) { return d.name == counters.name; });
    if (disk == topology.disks.end()) continue;
    DeviceModel& device = model.devices.emplace_back();
    device.disk = *disk;
    device.counters = std::move(counters);
    for (const VectorCounters& vector : device.counters.vectors)
      if (vector.handler) device.handlers[vector.line.queue] += *vector.handler;
    if (device.counters.queues) device.avgqu_sz.resize(device.counters.queues->size());
    if (earlier == nullptr || snapshot.time_ns < earlier->time_ns + kShortestWindowNs) continue;
    if (const DeviceSnapshot* before = find_device(*earlier, device.counters))
      derive_window(difference_without_histograms(*before, device.counters),
                    difference(earlier->completion_cpus, model.completion_cpus),
                    static_cast<double>(snapshot.time_ns - earlier->time_ns) / 1e9, device);
  }
  return model;
}

}  // namespace vqscope
