// SPDX-License-Identifier: Apache-2.0
// What the guest does besides its disks: how its CPUs spend their time, and how long its tasks wait.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/topology/scan.h"

namespace vqscope {

// Time of all CPUs together since boot, in clock ticks (proc(5)).
struct CpuUse {
  std::uint64_t user = 0;  // nice and the time of guests of this guest included
  std::uint64_t system = 0, irq = 0, softirq = 0;
  std::uint64_t idle = 0, iowait = 0;  // nothing was ready to run
  std::uint64_t steal = 0;             // ready to run, while the host ran something else

  friend bool operator==(const CpuUse&, const CpuUse&) = default;
};

// Cumulative since boot; what was not measured is absent.
struct GuestActivity {
  std::optional<CpuUse> cpu;
  // Pressure stall information, in microseconds (Documentation/accounting/psi.rst); absent where the kernel keeps none.
  std::optional<std::uint64_t> cpu_some_us;  // a task that was ready to run waited for a CPU
  std::optional<std::uint64_t> io_some_us;   // a task waited for a disk
  std::optional<std::uint64_t> io_full_us;   // and no other was running meanwhile

  friend bool operator==(const GuestActivity&, const GuestActivity&) = default;
};

// What grew between two readings: of what is in both. Idle times may step back (kernel/time/tick-sched.c), which is no
// growth.
GuestActivity difference(const GuestActivity& earlier, const GuestActivity& later);

// Adds what grew to a sum, which begins as absent.
void add(const GuestActivity& grown, GuestActivity& sum);

// The first line of /proc/stat.
std::optional<CpuUse> parse_cpu_use(std::string_view text);

// The total of the line `kind` ("some", "full") of a file of /proc/pressure.
std::optional<std::uint64_t> parse_pressure(std::string_view text, std::string_view kind);

// `stat` is the content of /proc/stat, or empty.
GuestActivity read_activity(const SystemPaths& paths, std::string_view stat);

}  // namespace vqscope
