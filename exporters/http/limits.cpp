// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/limits.h"

#include <sys/resource.h>

#include <algorithm>

namespace vqscope {

namespace {

// For everything but connections: arrays, programs and their links, listeners, files that are read. The agent has about
// eighty open, listeners included; none is open for long that grows with their number.
constexpr std::uint64_t kReserve = 256;
constexpr std::uint64_t kLeastReserve = 112;
// Of all listeners together. An idle connection takes up to 20 KiB of memory.
constexpr std::uint64_t kMostConnections = 4000;

}  // namespace

void raise_descriptor_limit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::uint64_t descriptor_limit() {
  rlimit limit = {};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

std::size_t most_connections(std::uint64_t descriptors) {
  // Where there are few descriptors, half of them are for connections, if as many as the agent needs are left.
  const std::uint64_t reserve = std::clamp(descriptors / 2, kLeastReserve, kReserve);
  return std::clamp<std::uint64_t>(descriptors - std::min(descriptors, reserve), 2, kMostConnections);
}

}  // namespace vqscope
