// SPDX-License-Identifier: Apache-2.0
// What it costs inside this guest how a disk's queues and interrupts are laid out. Pure and thread-safe.
#pragma once

#include <optional>
#include <vector>

#include "agent/model/snapshot.h"

namespace vqscope {

// Seconds over a window, summed over completed requests. Each part is a bound from above; FINDINGS.md has the model
// and what it assumes. The host's side is not in it.
struct QueueCost {
  double request_seconds = 0;     // what the requests took, from their start to their completion
  double completion_seconds = 0;  // of that, after the interrupt: the next two are parts of it
  double crossing_seconds = 0;    // what completions on another vCPU than the submitting one took longer
  double sharing_seconds = 0;     // what completions waited for those of other vCPUs' requests
  double backlog_seconds = 0;     // what waiting for a vCPU that is busy with interrupts can explain
  // Waits for the disk's spin locks; absent without those of the driver's queues. Without an elevator's that is one for
  // all of the disk, which is no more than one however many queues there are.
  std::optional<double> lock_seconds;
  // Share of its time, 0 to 1, that the busiest vCPU of those that take its interrupts spends on completions.
  std::optional<double> busiest_cpu;

  // Share of the requests' time, 0 to 1; absent where waits for locks were not measured.
  [[nodiscard]] std::optional<double> ratio() const;
  // Of the parts that were measured.
  [[nodiscard]] double measured_ratio() const;
};

// `window` and `cpus` (by CPU number) are growths over `seconds`, histograms are not needed. nullopt when no request
// ended by an interrupt that was traced.
std::optional<QueueCost> queue_cost(const DeviceSnapshot& window, const std::vector<CompletionCpu>& cpus,
                                    double seconds);

}  // namespace vqscope
