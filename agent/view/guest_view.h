// SPDX-License-Identifier: Apache-2.0
// What the whole guest did between two readings, beside its disks. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/model/reading.h"
#include "agent/view/losses.h"

namespace vqscope {

// Shares of a vCPU's time, 0 to 1.
struct CpuView {
  std::uint32_t cpu = 0;
  std::optional<double> stolen;      // ready to run, while the host ran something else; absent: not told
  std::optional<double> completing;  // in the disks' interrupt handlers and the BLOCK softirq; absent: not traced
};

struct GuestView {
  std::optional<double> seconds;          // length of the window; absent: there is none
  std::vector<CpuView> cpus;              // that are online
  std::optional<double> busy;             // share of the time of all vCPUs together; absent: not told
  std::optional<std::vector<Loss>> lost;  // in the window; absent without BPF, empty when nothing was
};

// `earlier` may be null.
GuestView guest_view(const Reading* earlier, const Reading& later);

}  // namespace vqscope
