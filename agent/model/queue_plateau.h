// SPDX-License-Identifier: Apache-2.0
// What several hardware queues did while the rate of one of them, or of all together, stayed. It tells what is at its
// end: something that one queue has for itself, or something that they share. Pure and thread-safe.
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

// A queue that went up and down while all together kept to their rate: what it brought less, others brought more.
struct MovedQueue {
  std::uint32_t queue = 0;
  RateRange rate;
};

// A queue that kept to its rate while what was in flight on it did not (Steadiness::stays()), nor the others' rate.
struct SteadyQueue {
  std::uint32_t queue = 0;
  Steadiness steadiness;      // of its requests; bytes are not known by queue
  double device_seconds = 0;  // mean of a request
  RateRange others;           // together
};

// Both of the slices from the first to the last one with a load, without the three tenths that are furthest off, and
// nullopt where there is no such queue, or where slices do not tell of queues.
std::optional<MovedQueue> moved_queue(std::span<const LoadSlice> slices);
std::optional<SteadyQueue> steady_queue(std::span<const LoadSlice> slices);

}  // namespace vqscope
