// SPDX-License-Identifier: Apache-2.0
// Whether vCPUs had the time that their requests take: without it, what completes in a second is theirs to decide and
// not the disk's. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/topology/topology.h"

namespace vqscope {

// Shares of the time of CPUs that were accounted to for long enough.
struct CpuShare {
  std::size_t cpu = 0;
  double share = 0;  // 0 to 1

  friend bool operator==(const CpuShare&, const CpuShare&) = default;
};

// The one that the host took most from; nullopt: none was accounted to for long enough.
std::optional<CpuShare> most_stolen(const std::vector<CpuTime>& times);

// The busiest, run by the host or not, of those that a count in `used` is not 0 of; nullopt also where idleness is not
// known, as from an older recording.
std::optional<CpuShare> busiest_of(const std::vector<CpuTime>& times, const std::vector<std::uint64_t>& used);

// What a CPU did, as shares of the time.
struct CpuLoad {
  std::uint32_t cpu = 0;
  double busy = 0;    // interrupts included
  double stolen = 0;  // ready to run, while the host ran something else
};

// Those that had work for more than 95 % of the time, run by the host or not; nullopt: of
// none that is known.
std::optional<std::vector<CpuLoad>> full_cpus(const std::vector<CpuTime>& times);

// A sentence where the host took much of a vCPU's time, or one had next to none to spare; else empty. `name`: of a CPU
// of this machine.
std::string about_no_spare_time(const std::optional<CpuShare>& stolen, const std::optional<CpuShare>& busiest,
                                const std::string& name);

}  // namespace vqscope
