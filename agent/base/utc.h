// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace vqscope {

// "2026-11-22 14:00:05", of nanoseconds since 1970, in UTC. Pure, thread-safe.
std::string format_utc(std::uint64_t realtime_ns);

}  // namespace vqscope
