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
  std::uint64_t missed = 0;                // completions not seen, and not in `lost` yet
  std::optional<std::uint64_t> oldest_ns;  // age of the oldest request in flight
};

// What `count` slots from `first` on say at `now`, CLOCK_MONOTONIC. A request of those that the kernel's accounting
// counts that has been in flight for longer than `quiet_ns` is taken for left over from a completion that was missed.
SlotTotals read_slots(const Arrays& arrays, std::uint32_t first, std::uint32_t count, std::uint64_t now,
                      std::uint64_t quiet_ns);

}  // namespace vqscope
