// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/full_time.h"

#include <algorithm>

#include "agent/diagnosis/thresholds.h"

namespace vqscope {

namespace {

bool is_full(double average, std::optional<std::uint32_t> limit) { return limit && average >= kFullShare * *limit; }

}  // namespace

std::optional<std::uint32_t> request_limit(const Disk& disk, std::size_t queue) {
  if (queue >= disk.queues.size() || !disk.queues[queue].tags) return std::nullopt;
  return std::min(*disk.queues[queue].tags, disk.nr_requests.value_or(~std::uint32_t{0}));
}

const FullTime::Device* FullTime::find(const DeviceSnapshot& device) const {
  const auto it = std::find_if(devices_.begin(), devices_.end(),
                               [&](const Device& d) { return d.name == device.name && d.instance == device.instance; });
  return it == devices_.end() ? nullptr : &*it;
}

void FullTime::add(const Topology& topology, const Snapshot& snapshot) {
  const std::uint64_t passed = snapshot.time_ns > time_ns_ ? snapshot.time_ns - time_ns_ : 0;
  std::vector<Device> devices;
  for (const DeviceSnapshot& counters : snapshot.devices) {
    const auto disk = std::find_if(topology.disks.begin(), topology.disks.end(),
                                   [&](const Disk& d) { return d.name == counters.name; });
    if (disk == topology.disks.end() || !counters.queues) continue;
    Device device{counters.name, counters.instance, 0, {}};
    const Device* before = find(counters);
    std::vector<double> averages(counters.queues->size());
    double total = 0;
    device.queues.resize(counters.queues->size());
    for (std::size_t q = 0; q < device.queues.size(); ++q) {
      device.queues[q].inflight_ns = (*counters.queues)[q].inflight_ns;
      device.queues[q].has_limit = request_limit(*disk, q).has_value();
      if (before == nullptr || q >= before->queues.size() || passed == 0) continue;
      device.queues[q].full_ns = before->queues[q].full_ns;
      const std::uint64_t grown =
          device.queues[q].inflight_ns - std::min(before->queues[q].inflight_ns, device.queues[q].inflight_ns);
      averages[q] = static_cast<double>(grown) / static_cast<double>(passed);
      total += averages[q];
    }
    if (before != nullptr) device.watched_ns = before->watched_ns + passed;
    for (std::size_t q = 0; q < device.queues.size(); ++q)
      if (is_full(averages[q], request_limit(*disk, q)) || is_full(total, disk->facts.queue_depth))
        device.queues[q].full_ns += passed;
    devices.push_back(std::move(device));
  }
  devices_ = std::move(devices);
  time_ns_ = snapshot.time_ns;
}

std::vector<std::optional<double>> FullTime::shares(const DeviceSnapshot& device) const {
  std::vector<std::optional<double>> result;
  const Device* found = find(device);
  if (found == nullptr || found->watched_ns == 0) return result;
  for (const Queue& queue : found->queues)
    result.push_back(queue.has_limit
                         ? std::optional(static_cast<double>(queue.full_ns) / static_cast<double>(found->watched_ns))
                         : std::nullopt);
  return result;
}

void FullTime::restart() {
  for (Device& device : devices_) {
    device.watched_ns = 0;
    for (Queue& queue : device.queues) queue.full_ns = 0;
  }
}

}  // namespace vqscope
