// SPDX-License-Identifier: Apache-2.0
// What readings inside of a window add to those at its ends: how long queues were full, and what each second brought.
// Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "agent/diagnosis/full_time.h"
#include "agent/model/plateau.h"
#include "agent/model/snapshot.h"
#include "agent/topology/topology.h"

namespace vqscope {

class Course {
 public:
  // Takes the next reading, with histograms or all of them without.
  void add(const Topology& topology, const Snapshot& snapshot);

  [[nodiscard]] const FullTime& full_time() const { return full_time_; }

  // Of about a second each, since the last restart; what is left at the end is in none. Empty without the block probe.
  [[nodiscard]] std::vector<LoadSlice> slices(const DeviceSnapshot& device) const;

  // Begins a new window at the last reading.
  void restart();

 private:
  // Sums over a device's queues.
  struct Sums {
    std::uint64_t time_ns = 0, requests = 0, bytes = 0, device_ns = 0, inflight_ns = 0;
    std::vector<std::uint64_t> queue_requests = {};  // by queue; empty where there is one, or very many
  };
  struct Device {
    std::string name;
    std::uint64_t instance = 0;
    Sums begin;                         // of the slice that has not ended
    std::vector<std::uint32_t> depths;  // in flight at the readings since
    std::vector<LoadSlice> slices;
  };

  static Sums sums(const DeviceSnapshot& device, std::uint64_t time_ns);
  static void end_slice(const Sums& now, Device& device);
  void add_slices(const Snapshot& snapshot);

  FullTime full_time_;
  std::vector<Device> devices_;  // of the last reading
};

}  // namespace vqscope
