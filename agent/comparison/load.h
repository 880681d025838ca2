// SPDX-License-Identifier: Apache-2.0
// Whether two recordings are of the same load, by Little's law. Pure and thread-safe; METHOD.md, section 2, explains.
#pragma once

#include <string>

#include "agent/comparison/numbers.h"

namespace vqscope {

// How a load reacts to the disk, as far as the seconds of a recording tell. Closed: a number of requests circulates,
// and a faster disk does more of them. Open: requests come at a rate of their own, and a faster disk has fewer in
// flight.
enum class LoadKind { kUnknown, kOpen, kClosed };
LoadKind kind_of(const DeviceSeries& device);

// Loads differ, or seconds of one, when more than these changed.
inline constexpr double kSizeTolerance = 1.10;  // ratio of bytes per request
inline constexpr double kMixTolerance = 0.10;   // share of requests that are of another operation

// What the load is made of, but for how much of it there is: a sentence; empty if it is the same.
std::string other_requests(const Pair& pair);

// Which numbers the disk answers for, and not the load.
struct LoadMatch {
  std::string difference;      // why these are two loads, or may be; empty: they can be compared
  bool differs = true;         // with a difference: it is certain
  bool rate_counts = false;    // the rate is an achievement of the disk, and not the load's own
  bool latency_counts = true;  // not while requests waited for a tag, where nothing sees them
  double allowance = 0;        // change of the logarithm of latency that the difference in load explains
};

LoadMatch match_loads(const Pair& pair);

}  // namespace vqscope
