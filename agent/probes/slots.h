// SPDX-License-Identifier: Apache-2.0
// Reads the requests in flight from their slots.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "agent/probes/arrays.h"

namespace vqscope {

struct DiskPlace;

struct SlotTotals {
  std::uint64_t inflight_ns = 0;           // time integral of in-flight
  std::uint32_t inflight = 0;              // now
  std::optional<std::uint64_t> oldest_ns;  // age of the oldest request in flight
};

// What the slots of one hardware queue say at `now`, CLOCK_MONOTONIC. A slot that has been taken for longer than
// `quiet_ns` is taken for left over from a completion that was missed, and counts as free.
SlotTotals read_slots(std::span<vqs_slot> slots, std::uint64_t now, std::uint64_t quiet_ns);

// Requests of a disk that were issued, are not in flight, and whose completion was not seen. While requests are
// completing it may be too low, never too high.
std::uint64_t missed_completions(const Arrays& arrays, const DiskPlace& place);

}  // namespace vqscope
