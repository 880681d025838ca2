// SPDX-License-Identifier: Apache-2.0
// For which share of the time each queue was at its limit of requests, from readings that follow one another. The
// average of in-flight between two readings is exact, so the shorter the time between them, the finer the answer.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/model/snapshot.h"
#include "agent/topology/topology.h"

namespace vqscope {

// Requests that a hardware queue of the disk can have at the device: its tags, or fewer if queue/nr_requests is less.
std::optional<std::uint32_t> request_limit(const Disk& disk, std::size_t queue);

class FullTime {
 public:
  // Takes the next reading.
  void add(const Topology& topology, const Snapshot& snapshot);

  // By hardware queue, 0 to 1, since the last restart; absent where the limit is not known. Empty for a device that
  // was not in two readings.
  [[nodiscard]] std::vector<std::optional<double>> shares(const DeviceSnapshot& device) const;

  // Begins a new window at the last reading.
  void restart();

 private:
  struct Queue {
    std::uint64_t inflight_ns = 0;  // at the last reading
    std::uint64_t full_ns = 0;
    bool has_limit = false;
  };
  struct Device {
    std::string name;
    std::uint64_t instance = 0;
    std::uint64_t watched_ns = 0;
    std::vector<Queue> queues;
  };

  [[nodiscard]] const Device* find(const DeviceSnapshot& device) const;

  std::uint64_t time_ns_ = 0;  // of the last reading
  std::vector<Device> devices_;
};

}  // namespace vqscope
