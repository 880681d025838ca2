// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/course.h"

#include <algorithm>
#include <utility>

namespace vqscope {

namespace {

// Readings that are meant to be a second apart come a little early now and then.
constexpr std::uint64_t kSliceNs = 950'000'000;
// No more than these are kept of a window: a recording can be as long as it likes, and the last ones tell.
constexpr std::size_t kSlices = 600;
// Queues of a disk that slices tell of one by one.
constexpr std::size_t kQueuesOneByOne = 64;

bool is_told_by_queue(std::size_t queues) { return queues > 1 && queues <= kQueuesOneByOne; }

// Counters begin anew where a queue was taken away.
std::uint64_t growth(std::uint64_t before, std::uint64_t now) { return now > before ? now - before : 0; }

double seconds_of(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

template <typename Devices>
auto find(Devices& devices, const DeviceSnapshot& device) {
  return std::find_if(devices.begin(), devices.end(),
                      [&](const auto& d) { return d.name == device.name && d.instance == device.instance; });
}

}  // namespace

std::vector<Course::Sums> Course::sums(const std::vector<QueueCounters>& queues) {
  std::vector<Sums> sums(1);
  for (const QueueCounters& queue : queues) {
    Sums own{0, queue.device_ns, queue.inflight_ns};
    for (const OriginCounters& origin : queue.origins) own.requests += origin.total();
    sums.front().requests += own.requests;
    sums.front().device_ns += own.device_ns;
    sums.front().inflight_ns += own.inflight_ns;
    if (is_told_by_queue(queues.size())) sums.push_back(own);
  }
  return sums;
}

void Course::read_depths(const std::vector<QueueCounters>& queues, Device& device) {
  const auto add = [&](std::size_t place, double depth) {
    device.depths[place].sum += depth;
    device.depths[place].squares += depth * depth;
  };
  double total = 0;
  for (std::size_t queue = 0; queue < queues.size(); ++queue) {
    total += queues[queue].inflight;
    if (queue + 1 < device.depths.size()) add(queue + 1, queues[queue].inflight);
  }
  add(0, total);
  ++device.readings;
}

QueueSlice Course::difference(const Device& device, const Sums& now, std::size_t place, double seconds) {
  const Sums& begin = device.sums[place];
  QueueSlice slice;
  slice.requests = static_cast<double>(growth(begin.requests, now.requests));
  slice.device_seconds = seconds_of(growth(begin.device_ns, now.device_ns));
  slice.inflight = seconds_of(growth(begin.inflight_ns, now.inflight_ns)) / seconds;
  const auto readings = static_cast<double>(device.readings);
  const Depths& depths = device.depths[place];
  if (slice.inflight > 0 && readings > 0)
    slice.unrest = (depths.squares - 2 * slice.inflight * depths.sum) / readings / slice.inflight + slice.inflight;
  return slice;
}

void Course::end_slice(const DeviceSnapshot& counters, std::uint64_t time_ns, Device& device) {
  std::vector<Sums> now = sums(*counters.queues);
  std::uint64_t bytes = 0;
  for (const QueueCounters& queue : *counters.queues) bytes += bytes_of(queue);
  if (now.size() == device.sums.size()) {
    LoadSlice slice;
    slice.seconds = seconds_of(growth(device.time_ns, time_ns));
    const QueueSlice all = difference(device, now.front(), 0, slice.seconds);
    slice.requests = all.requests;
    slice.bytes = static_cast<double>(growth(device.bytes, bytes));
    slice.device_seconds = all.device_seconds;
    slice.inflight = all.inflight;
    slice.unrest = all.unrest;
    for (std::size_t place = 1; place < now.size(); ++place)
      slice.queues.push_back(difference(device, now[place], place, slice.seconds));
    if (device.slices.size() == kSlices) device.slices.erase(device.slices.begin());
    device.slices.push_back(std::move(slice));
  }
  device.time_ns = time_ns;
  device.bytes = bytes;
  device.sums = std::move(now);
  device.readings = 0;
  device.depths.assign(device.sums.size(), {});
}

void Course::add_slices(const Snapshot& snapshot) {
  std::vector<Device> devices;
  for (const DeviceSnapshot& counters : snapshot.devices) {
    if (!counters.queues) continue;
    const auto before = find(devices_, counters);
    if (before == devices_.end()) {
      Device& device = devices.emplace_back();
      device.name = counters.name;
      device.instance = counters.instance;
      end_slice(counters, snapshot.time_ns, device);
      continue;
    }
    Device& device = devices.emplace_back(std::move(*before));
    read_depths(*counters.queues, device);
    if (growth(device.time_ns, snapshot.time_ns) >= kSliceNs) end_slice(counters, snapshot.time_ns, device);
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
