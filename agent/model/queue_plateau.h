// SPDX-License-Identifier: Apache-2.0
// Whether several hardware queues shared out among them what a disk's rate, which stayed, let through: then it is not
// the end of one of them. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "agent/model/plateau.h"

namespace vqscope {

// Requests per second, from slice to slice.
struct RateRange {
  double least = 0, most = 0;
};

// A queue that went up and down, but never idle, while all together kept to their rate: what it brought less, others
// that were busy beside it brought more. A load that moves from queue to queue makes none.
struct MovedQueue {
  std::uint32_t queue = 0;
  RateRange rate;
};

// Of the slices in which it and others were busy, without those that are furthest off; the one that moved most.
// nullopt: there is none, there are too few such slices, or slices do not tell of queues.
std::optional<MovedQueue> moved_queue(std::span<const LoadSlice> slices);

}  // namespace vqscope
