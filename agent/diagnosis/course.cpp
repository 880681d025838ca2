// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/course.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace vqscope {

namespace {

// Readings that are meant to be a second apart come a little early now and then.
constexpr std::uint64_t kSliceNs = 950'000'000;
// No more than these are kept of a window: a recording can be as long as it likes, and the last ones tell.
constexpr std::size_t kSlices = 600;
// Queues of a disk that slices tell of one by one.
constexpr std::size_t kQueuesOneByOne = 64;

// Counters begin anew where a queue was taken away.
std::uint64_t growth(std::uint64_t before, std::uint64_t now) { return now > before ? now - before : 0; }

double seconds_of(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

template <typename Devices>
auto find(Devices& devices, const DeviceSnapshot& device) {
  return std::find_if(devices.begin(), devices.end(),
                      [&](const auto& d) { return d.name == device.name && d.instance == device.instance; });
}

}  // namespace

Course::Sums Course::sums(const DeviceSnapshot& device, std::uint64_t time_ns) {
  Sums sums{time_ns};
  const bool one_by_one = device.queues->size() > 1 && device.queues->size() <= kQueuesOneByOne;
  for (const QueueCounters& queue : *device.queues) {
    std::uint64_t requests = 0;
    for (const OriginCounters& origin : queue.origins) requests += origin.total();
    sums.requests += requests;
    if (one_by_one) sums.queue_requests.push_back(requests);
    sums.bytes += bytes_of(queue);
    sums.device_ns += queue.device_ns;
    sums.inflight_ns += queue.inflight_ns;
  }
  return sums;
}

void Course::end_slice(const Sums& now, Device& device) {
  const Sums& begin = device.begin;
  LoadSlice slice;
  slice.seconds = seconds_of(growth(begin.time_ns, now.time_ns));
  slice.requests = static_cast<double>(growth(begin.requests, now.requests));
  slice.bytes = static_cast<double>(growth(begin.bytes, now.bytes));
  slice.device_seconds = seconds_of(growth(begin.device_ns, now.device_ns));
  slice.inflight = seconds_of(growth(begin.inflight_ns, now.inflight_ns)) / slice.seconds;
  for (const std::uint32_t depth : device.depths)
    if (slice.inflight > 0)
      slice.unrest += std::pow(depth - slice.inflight, 2) / slice.inflight / static_cast<double>(device.depths.size());
  if (begin.queue_requests.size() == now.queue_requests.size())
    for (std::size_t queue = 0; queue < now.queue_requests.size(); ++queue)
      slice.queue_requests.push_back(
          static_cast<double>(growth(begin.queue_requests[queue], now.queue_requests[queue])));
  if (device.slices.size() == kSlices) device.slices.erase(device.slices.begin());
  device.slices.push_back(std::move(slice));
  device.begin = now;
  device.depths.clear();
}

void Course::add_slices(const Snapshot& snapshot) {
  std::vector<Device> devices;
  for (const DeviceSnapshot& counters : snapshot.devices) {
    if (!counters.queues) continue;
    const Sums now = sums(counters, snapshot.time_ns);
    const auto before = find(devices_, counters);
    if (before == devices_.end()) {
      devices.push_back({counters.name, counters.instance, now, {}, {}});
      continue;
    }
    Device& device = devices.emplace_back(std::move(*before));
    std::uint32_t depth = 0;
    for (const QueueCounters& queue : *counters.queues) depth += queue.inflight;
    device.depths.push_back(depth);
    if (growth(device.begin.time_ns, now.time_ns) >= kSliceNs) end_slice(now, device);
  }
  devices_ = std::move(devices);
}

void Course::add(const Topology& topology, const Snapshot& snapshot) {
  full_time_.add(topology, snapshot);
  add_slices(snapshot);
}

std::vector<LoadSlice> Course::slices(const DeviceSnapshot& device) const {
  const auto found = find(devices_, device);
  return found == devices_.end() ? std::vector<LoadSlice>() : found->slices;
}

void Course::restart() {
  full_time_.restart();
  for (Device& device : devices_) device.slices.clear();
}

}  // namespace vqscope
