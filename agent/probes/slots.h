// SPDX-License-Identifier: Apache-2.0
// Reads the requests in flight from their slots.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/probes/arrays.h"

namespace vqscope {

struct SlotTotals {
  std::uint64_t inflight_ns = 0;           // time integral of in-flight
  std::uint32_t inflight = 0;              // now
  std::uint64_t missed = 0;                // completions not seen of tags that were used again, not in `lost` yet
  std::optional<std::uint64_t> oldest_ns;  // age of the oldest request in flight
};

// What `count` slots from `first` on say at `now`, CLOCK_MONOTONIC.
SlotTotals read_slots(const Arrays& arrays, std::uint32_t first, std::uint32_t count, std::uint64_t now);

// To be called when the kernel's accounting has no request in flight on these slots: requests that it would count, and
// that were issued more than `age_ns` before `now`, are left over from completions that were missed, and are ended.
// Returns how many completions were missed. A tag that is taken at this moment keeps its request.
std::uint64_t end_left_over(const Arrays& arrays, std::uint32_t first, std::uint32_t count, std::uint64_t now,
                            std::uint64_t age_ns);

}  // namespace vqscope
