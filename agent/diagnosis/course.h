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
  // Counters of one queue, or sums over several.
  struct Sums {
    std::uint64_t requests = 0, device_ns = 0, inflight_ns = 0;
  };
  // What was in flight when it was read.
  struct Depths {
    double sum = 0, squares = 0;
  };
  struct Device {
    std::string name;
    std::uint64_t instance = 0;
    // At the begin of the slice that has not ended.
    std::uint64_t time_ns = 0, bytes = 0;
    std::vector<Sums> sums;      // of all queues; then of each, if there are several
    std::size_t readings = 0;    // since
    std::vector<Depths> depths;  // over these, likewise
    std::vector<LoadSlice> slices;
  };

  static std::vector<Sums> sums(const std::vector<QueueCounters>& queues);
  static QueueSlice difference(const Device& device, const Sums& now, std::size_t place, double seconds);
  static void read_depths(const std::vector<QueueCounters>& queues, Device& device);
  static void end_slice(const DeviceSnapshot& counters, std::uint64_t time_ns, Device& device);
  void add_slices(const Snapshot& snapshot);

  FullTime full_time_;
  std::vector<Device> devices_;  // of the last reading
};

}  // namespace vqscope
