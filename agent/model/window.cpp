// SPDX-License-Identifier: Apache-2.0
#include "agent/model/window.h"

#include <algorithm>
#include <cmath>

#include "agent/model/buckets.h"

namespace vqscope {

namespace {

std::uint64_t growth(std::uint64_t before, std::uint64_t now) { return now > before ? now - before : 0; }

Histogram growth(const Histogram& before, const Histogram& now) {
  Histogram grown;
  const auto [begin, end] = now.range();
  for (std::size_t cell = begin; cell < end; ++cell) grown.set(cell, growth(before.cells()[cell], now.cells()[cell]));
  grown.sum_ns = growth(before.sum_ns, now.sum_ns);
  return grown;
}

void grow(const Boxed<Histogram>& before, const Boxed<Histogram>& now, Boxed<Histogram>& grown) {
  if (before && now) grown.emplace() = growth(*before, *now);
}

OpCounters growth(const OpCounters& before, const OpCounters& now) {
  return {growth(before.device, now.device), growth(before.queue, now.queue), growth(before.bytes, now.bytes),
          growth(before.errors, now.errors)};
}

// Of the histograms, too, or of everything else.
enum class Part { kAll, kCounters };

QueueCounters growth(const QueueCounters& before, const QueueCounters& now, Part part) {
  QueueCounters grown;
  for (std::size_t op = 0; part == Part::kAll && op < grown.ops.size(); ++op) {
    if (now.ops[op] && before.ops[op])
      grown.ops[op] = growth(*before.ops[op], *now.ops[op]);
    else
      grown.ops[op] = now.ops[op];
  }
  grown.origins = now.origins;
  for (std::size_t cpu = 0; cpu < grown.origins.size() && cpu < before.origins.size(); ++cpu) {
    OriginCounters& origin = grown.origins[cpu];
    const OriginCounters& old = before.origins[cpu];
    origin = {growth(old.local, origin.local), growth(old.cross, origin.cross), growth(old.unknown, origin.unknown)};
  }
  grown.requeues = growth(before.requeues, now.requeues);
  grown.inflight_ns = growth(before.inflight_ns, now.inflight_ns);
  grown.time_ns = growth(before.time_ns, now.time_ns);
  grown.device_ns = growth(before.device_ns, now.device_ns);
  grown.queue_ns = growth(before.queue_ns, now.queue_ns);
  grown.bytes = growth(before.bytes, now.bytes);
  if (now.delay) {
    const CompletionDelay old = before.delay.value_or(CompletionDelay{});
    grown.delay = {growth(old.local_ns, now.delay->local_ns), growth(old.cross_ns, now.delay->cross_ns)};
  }
  grown.inflight = now.inflight;
  grown.oldest_ns = now.oldest_ns;
  return grown;
}

DeviceSnapshot difference(const DeviceSnapshot& earlier, const DeviceSnapshot& later, Part part) {
  DeviceSnapshot grown;
  grown.name = later.name;
  grown.instance = later.instance;
  if (earlier.queues && later.queues) {
    grown.queues.emplace().reserve(later.queues->size());
    for (std::size_t q = 0; q < later.queues->size() && q < earlier.queues->size(); ++q)
      grown.queues->push_back(growth((*earlier.queues)[q], (*later.queues)[q], part));
  }
  if (earlier.accounting && later.accounting)
    grown.accounting = {growth(earlier.accounting->time_ns, later.accounting->time_ns), later.accounting->inflight};
  grown.vectors.reserve(later.vectors.size());
  for (const VectorCounters& vector : later.vectors) {
    const auto old = std::find_if(earlier.vectors.begin(), earlier.vectors.end(),
                                  [&](const VectorCounters& v) { return v.line == vector.line; });
    if (old == earlier.vectors.end()) continue;
    VectorCounters& line = grown.vectors.emplace_back();
    line.line = vector.line;
    if (part == Part::kAll) grow(old->handler, vector.handler, line.handler);
    line.per_cpu.resize(std::min(vector.per_cpu.size(), old->per_cpu.size()));
    for (std::size_t cpu = 0; cpu < line.per_cpu.size(); ++cpu)
      line.per_cpu[cpu] = growth(old->per_cpu[cpu], vector.per_cpu[cpu]);
  }
  for (const LockCounters& lock : later.locks) {
    const auto old = std::find_if(earlier.locks.begin(), earlier.locks.end(),
                                  [&](const LockCounters& l) { return l.lock == lock.lock && l.queue == lock.queue; });
    const LockCounters before = old == earlier.locks.end() ? LockCounters{} : *old;
    grown.locks.push_back({lock.lock, lock.queue, growth(before.waits, lock.waits),
                           growth(before.wait_ns, lock.wait_ns),
                           lock.longest_ns > before.longest_ns ? lock.longest_ns : std::nullopt});
  }
  for (std::size_t q = 0; part == Part::kAll && q < later.notifies.size() && q < earlier.notifies.size(); ++q)
    grow(earlier.notifies[q], later.notifies[q], grown.notifies.emplace_back());
  return grown;
}

}  // namespace

const DeviceSnapshot* find_device(const Snapshot& snapshot, const DeviceSnapshot& device) {
  for (const DeviceSnapshot& candidate : snapshot.devices)
    if (candidate.name == device.name && candidate.instance == device.instance) return &candidate;
  return nullptr;
}

bool began_anew(const DeviceSnapshot& before, const DeviceSnapshot& now) {
  if (!before.queues || !now.queues) return before.queues.has_value() != now.queues.has_value();
  for (std::size_t q = 0; q < before.queues->size() && q < now.queues->size(); ++q) {
    const QueueCounters &old = (*before.queues)[q], &queue = (*now.queues)[q];
    if (queue.inflight_ns < old.inflight_ns || queue.device_ns < old.device_ns) return true;
    for (std::size_t op = 0; op < VQS_OPS; ++op)
      if (old.ops[op] && (!queue.ops[op] || queue.ops[op]->device.count() < old.ops[op]->device.count())) return true;
  }
  return false;
}

DeviceSnapshot difference(const DeviceSnapshot& earlier, const DeviceSnapshot& later) {
  return difference(earlier, later, Part::kAll);
}

DeviceSnapshot difference_without_histograms(const DeviceSnapshot& earlier, const DeviceSnapshot& later) {
  return difference(earlier, later, Part::kCounters);
}

std::vector<CompletionCpu> difference(const std::vector<CompletionCpu>& earlier,
                                      const std::vector<CompletionCpu>& later) {
  std::vector<CompletionCpu> grown;
  for (std::size_t cpu = 0; cpu < earlier.size() && cpu < later.size(); ++cpu)
    grown.push_back({growth(earlier[cpu].hardirq_ns, later[cpu].hardirq_ns),
                     growth(earlier[cpu].softirq_ns, later[cpu].softirq_ns)});
  return grown;
}

Snapshot difference_without_devices(const Snapshot& earlier, const Snapshot& later) {
  Snapshot grown;
  grown.time_ns = growth(earlier.time_ns, later.time_ns);
  if (earlier.losses && later.losses) {
    grown.losses.emplace();
    for (std::size_t i = 0; i < grown.losses->size(); ++i)
      (*grown.losses)[i] = growth((*earlier.losses)[i], (*later.losses)[i]);
  }
  for (std::size_t cpu = 0; cpu < earlier.cpu_times.size() && cpu < later.cpu_times.size(); ++cpu) {
    const CpuTime &before = earlier.cpu_times[cpu], &after = later.cpu_times[cpu];
    CpuTime& time =
        grown.cpu_times.emplace_back(CpuTime{growth(before.total, after.total), growth(before.steal, after.steal)});
    if (before.idle && after.idle) time.idle = growth(*before.idle, *after.idle);
  }
  grown.completion_cpus = difference(earlier.completion_cpus, later.completion_cpus);
  grown.activity = difference(earlier.activity, later.activity);
  return grown;
}

Snapshot difference(const Snapshot& earlier, const Snapshot& later) {
  Snapshot grown = difference_without_devices(earlier, later);
  for (const DeviceSnapshot& device : later.devices)
    if (const DeviceSnapshot* before = find_device(earlier, device))
      grown.devices.push_back(difference(*before, device));
  return grown;
}

DeviceSnapshot without_histograms(const DeviceSnapshot& device) {
  DeviceSnapshot light;
  light.name = device.name;
  light.instance = device.instance;
  light.accounting = device.accounting;
  if (device.queues) light.queues.emplace(device.queues->size());
  for (std::size_t q = 0; device.queues && q < device.queues->size(); ++q) {
    const QueueCounters& queue = (*device.queues)[q];
    QueueCounters& counters = (*light.queues)[q];
    counters.origins = queue.origins;
    counters.requeues = queue.requeues;
    counters.inflight_ns = queue.inflight_ns;
    counters.held_ns = queue.held_ns;
    counters.raised_ns = queue.raised_ns;
    counters.time_ns = queue.time_ns;
    counters.device_ns = queue.device_ns;
    counters.queue_ns = queue.queue_ns;
    counters.bytes = bytes_of(queue);
    counters.delay = queue.delay;
    counters.inflight = queue.inflight;
    counters.oldest_ns = queue.oldest_ns;
  }
  light.locks = device.locks;
  light.vectors.reserve(device.vectors.size());
  for (const VectorCounters& vector : device.vectors) light.vectors.push_back({vector.line, vector.per_cpu, {}});
  return light;
}

Snapshot without_histograms(const Snapshot& snapshot) {
  Snapshot light;
  light.time_ns = snapshot.time_ns;
  light.losses = snapshot.losses;
  light.cpu_times = snapshot.cpu_times;
  light.completion_cpus = snapshot.completion_cpus;
  light.activity = snapshot.activity;
  for (const DeviceSnapshot& device : snapshot.devices) light.devices.push_back(without_histograms(device));
  return light;
}

void add_counts(const std::vector<std::uint64_t>& counts, std::vector<std::uint64_t>& total) {
  total.resize(std::max(total.size(), counts.size()));
  for (std::size_t cpu = 0; cpu < counts.size(); ++cpu) total[cpu] += counts[cpu];
}

std::vector<std::uint64_t> interrupts_per_cpu(const DeviceSnapshot& device) {
  std::vector<std::uint64_t> cpus;
  for (const VectorCounters& vector : device.vectors) add_counts(vector.per_cpu, cpus);
  return cpus;
}

std::vector<std::uint64_t> submissions_per_cpu(const DeviceSnapshot& device) {
  std::vector<std::uint64_t> cpus;
  if (!device.queues) return cpus;
  for (const QueueCounters& queue : *device.queues) {
    cpus.resize(std::max(cpus.size(), queue.origins.size()));
    for (std::size_t cpu = 0; cpu < queue.origins.size(); ++cpu) cpus[cpu] += queue.origins[cpu].total();
  }
  return cpus;
}

std::optional<double> quantile(const Histogram& histogram, double q) {
  const auto total = static_cast<double>(histogram.count());
  if (total == 0) return std::nullopt;
  const double rank = q * total;
  double below = 0;
  for (std::size_t cell = 0; cell < histogram.cells().size(); ++cell) {
    const auto here = static_cast<double>(histogram.cells()[cell]);
    if (here == 0 || below + here < rank) {
      below += here;
      continue;
    }
    const double share = std::clamp((rank - below) / here, 0.0, 1.0);
    const int index = VQS_FIRST_INDEX + static_cast<int>(cell) - 1;
    if (cell == 0) return share * upper_bound_seconds(VQS_FIRST_INDEX - 1);
    if (cell == VQS_LAST_CELL) return upper_bound_seconds(VQS_LAST_INDEX);
    return std::exp2((index - 1 + share) / double{VQS_PER_OCTAVE});
  }
  return upper_bound_seconds(VQS_LAST_INDEX);
}

}  // namespace vqscope
