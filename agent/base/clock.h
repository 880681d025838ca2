// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <ctime>

namespace vqscope {

// CLOCK_MONOTONIC in nanoseconds, the clock of bpf_ktime_get_ns() and of the kernel's request timestamps.
inline std::uint64_t monotonic_ns() {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

// CLOCK_REALTIME in nanoseconds since 1970, UTC.
inline std::uint64_t realtime_ns() {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

// Nanoseconds since boot in which the machine was suspended, during which CLOCK_MONOTONIC stands; by how long the two
// clocks were read apart too large.
inline std::uint64_t suspended_ns() {
  const std::uint64_t monotonic = monotonic_ns();
  timespec boot = {};
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  return static_cast<std::uint64_t>(boot.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(boot.tv_nsec) - monotonic;
}

}  // namespace vqscope
