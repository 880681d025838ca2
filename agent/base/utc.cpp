// SPDX-License-Identifier: Apache-2.0
#include "agent/base/utc.h"

#include <fmt/chrono.h>

#include <ctime>

namespace vqscope {

namespace {

std::time_t seconds_of(std::uint64_t realtime_ns) { return static_cast<std::time_t>(realtime_ns / 1'000'000'000); }

std::tm local(std::uint64_t realtime_ns) {
  const std::time_t seconds = seconds_of(realtime_ns);
  std::tm shown = {};
  ::localtime_r(&seconds, &shown);
  return shown;
}

}  // namespace

std::string format_utc(std::uint64_t realtime_ns) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(seconds_of(realtime_ns)));
}

std::string format_span(std::uint64_t begin_ns, std::uint64_t end_ns) {
  std::string span = fmt::format("{} to {} UTC", format_utc(begin_ns), format_utc(end_ns));
  const std::tm begin = local(begin_ns), end = local(end_ns);
  if (begin.tm_gmtoff == 0 && end.tm_gmtoff == 0) return span;
  return span + fmt::format(" ({:%H:%M:%S} to {:%H:%M:%S} {} here)", begin, end, end.tm_zone);
}

}  // namespace vqscope
