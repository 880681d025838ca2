// SPDX-License-Identifier: Apache-2.0
// In which parts of a request's time a change in mean latency is. Pure and thread-safe; METHOD.md explains.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/comparison/numbers.h"
#include "agent/comparison/statistics.h"

namespace vqscope {

struct PartChange {
  std::string_view key;    // for programs: "at_host"
  std::string_view where;  // for people: "at the host"
  Difference change;       // seconds of a request's mean
};

struct TimeChange {
  // Those that both sides have; before issue, at the host and in completion, or at the device in place of these two,
  // add up to the mean latency. Waits for locks, the last, are within the others.
  std::vector<PartChange> parts;
  std::string sentence;
};

// Of two disks that have a mean latency. `by_median`: the verdict beside it is that of the median second.
TimeChange time_change(const Pair& pair, bool by_median);

}  // namespace vqscope
