// SPDX-License-Identifier: Apache-2.0
// What people are shown as found: judged over the last seconds up to a reading, however often there is one. A single
// second makes findings come and go; what began or ended is seen before the window has passed. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "agent/diagnosis/finding.h"
#include "agent/model/snapshot.h"
#include "agent/topology/topology.h"

namespace vqscope {

// Length of the window, as far as there are readings of it; where they are further apart, the time between two.
inline constexpr std::uint64_t kRecentNs = 10'000'000'000;

struct RecentFindings {
  std::vector<Finding> found;     // the worst first
  std::optional<double> seconds;  // length of the window; absent: there is none yet
};

class RecentReadings {
 public:
  // Takes the next reading, with histograms. One whose time is not after the last one's begins anew.
  void add(const Topology& topology, Snapshot snapshot);

  // The next reading is of another run of the agent, and none before can be compared with it.
  void clear() { kept_.clear(); }

  // Up to the last reading.
  [[nodiscard]] RecentFindings judge() const;

 private:
  struct Kept {
    std::shared_ptr<const Topology> topology;  // shared by readings while it stays what it is
    Snapshot snapshot;                         // condensed
  };

  std::deque<Kept> kept_;  // the oldest first: where the window begins, those about a second apart in it, the last
};

}  // namespace vqscope
