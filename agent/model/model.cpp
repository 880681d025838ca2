// SPDX-License-Identifier: Apache-2.0
#include "agent/model/model.h"

#include <algorithm>
#include <numeric>

namespace vqscope {

namespace {

constexpr std::uint64_t kShortestWindowNs = 100'000'000;

const DeviceSnapshot* find(const Snapshot& snapshot, const DeviceSnapshot& device) {
  for (const DeviceSnapshot& candidate : snapshot.devices)
    if (candidate.name == device.name && candidate.instance == device.instance) return &candidate;
  return nullptr;
}

// Growth of a counter; 0 where it is smaller (a CPU that was unplugged, or counted by another source before).
std::uint64_t growth(std::uint64_t before, std::uint64_t now) { return now > before ? now - before : 0; }

std::vector<std::uint64_t> interrupts_per_cpu(const DeviceSnapshot& before, const DeviceSnapshot& now) {
  std::vector<std::uint64_t> cpus;
  for (const VectorCounters& vector : now.vectors) {
    const auto old = std::find_if(before.vectors.begin(), before.vectors.end(),
                                  [&](const VectorCounters& v) { return v.line == vector.line; });
    if (old == before.vectors.end()) continue;
    cpus.resize(std::max(cpus.size(), vector.per_cpu.size()));
    for (std::size_t cpu = 0; cpu < vector.per_cpu.size() && cpu < old->per_cpu.size(); ++cpu)
      cpus[cpu] += growth(old->per_cpu[cpu], vector.per_cpu[cpu]);
  }
  return cpus;
}

std::vector<std::uint64_t> submissions_per_cpu(const DeviceSnapshot& before, const DeviceSnapshot& now) {
  std::vector<std::uint64_t> cpus;
  if (!before.queues || !now.queues) return cpus;
  for (std::size_t q = 0; q < now.queues->size() && q < before.queues->size(); ++q) {
    const auto& old = (*before.queues)[q].origins;
    const auto& origins = (*now.queues)[q].origins;
    cpus.resize(std::max(cpus.size(), origins.size()));
    for (std::size_t cpu = 0; cpu < origins.size() && cpu < old.size(); ++cpu)
      cpus[cpu] += growth(old[cpu].total(), origins[cpu].total());
  }
  return cpus;
}

// Requests between start and completion, on average. What is at the device counts while it is there, even if it never
// completes; the time before issue, and what the kernel accounts beyond both (requests that wait for a flush), counts
// when it is over, as in iostat's aqu-sz.
double average_queue_size(const QueueCounters& before, const QueueCounters& now, double seconds) {
  const std::uint64_t at_device = growth(before.inflight_ns, now.inflight_ns);
  const std::uint64_t before_issue = growth(before.queue_ns, now.queue_ns);
  const std::uint64_t beyond =
      growth(growth(before.device_ns, now.device_ns) + before_issue, growth(before.time_ns, now.time_ns));
  return static_cast<double>(at_device + before_issue + beyond) / 1e9 / seconds;
}

void derive_window(const DeviceSnapshot& before, double seconds, DeviceModel& device) {
  const DeviceSnapshot& now = device.counters;
  if (now.queues && before.queues)
    for (std::size_t q = 0; q < now.queues->size() && q < before.queues->size(); ++q)
      device.avgqu_sz[q] = average_queue_size((*before.queues)[q], (*now.queues)[q], seconds);
  if (now.accounting && before.accounting)
    device.accounted_avgqu_sz =
        static_cast<double>(growth(before.accounting->time_ns, now.accounting->time_ns)) / 1e9 / seconds;
  const auto interrupts = interrupts_per_cpu(before, now);
  device.irq_concentration = concentration(interrupts);
  device.irq_effective_cpus = effective_number(interrupts);
  device.submission_effective_cpus = effective_number(submissions_per_cpu(before, now));
}

}  // namespace

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
  for (DeviceSnapshot& device : current.devices) {
    const DeviceSnapshot* before = find(previous, device);
    if (before == nullptr || !before->queues || !device.queues) continue;
    for (std::size_t q = 0; q < device.queues->size() && q < before->queues->size(); ++q) {
      QueueCounters& queue = (*device.queues)[q];
      queue.inflight_ns = std::max(queue.inflight_ns, (*before->queues)[q].inflight_ns);
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
    if (const DeviceSnapshot* before = find(*earlier, device.counters))
      derive_window(*before, static_cast<double>(snapshot.time_ns - earlier->time_ns) / 1e9, device);
  }
  return model;
}

}  // namespace vqscope
