// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace vqscope {

// "2026-11-22 14:00:05", of nanoseconds since 1970, in UTC. Pure, thread-safe.
std::string format_utc(std::uint64_t realtime_ns);

// "2026-11-22 14:00:05 to 2026-11-22 14:05:00 UTC", and behind that, where this machine's clock shows something else,
// " (15:00:05 to 15:05:00 CET here)". Thread-safe.
std::string format_span(std::uint64_t begin_ns, std::uint64_t end_ns);

}  // namespace vqscope
