// SPDX-License-Identifier: Apache-2.0
// How a command waits that a person may interrupt.
#pragma once

#include <cstdint>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace vqscope {

// Waits until CLOCK_MONOTONIC is `deadline_ns`; the signal that was readable from `signals` meanwhile, or 0. Of a time
// that has passed, a signal that is there by now.
Result<int> wait_until(std::uint64_t deadline_ns, const Fd& signals);
inline Result<int> signal_by_now(const Fd& signals) { return wait_until(0, signals); }

}  // namespace vqscope
