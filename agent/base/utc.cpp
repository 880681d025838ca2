// SPDX-License-Identifier: Apache-2.0
#include "agent/base/utc.h"

#include <fmt/chrono.h>

#include <ctime>

namespace vqscope {

std::string format_utc(std::uint64_t realtime_ns) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(realtime_ns / 1'000'000'000)));
}

}  // namespace vqscope
