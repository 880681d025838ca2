// SPDX-License-Identifier: Apache-2.0
// Where the time of a disk's requests goes. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/model/snapshot.h"

namespace vqscope {

// Seconds over a window, summed over the completed requests. Time before issue and at the device are all of it; at the
// host and in completion are all of that at the device. What is absent was not measured.
struct RequestTime {
  std::uint64_t requests = 0;
  std::optional<double> before_issue;  // start -> issue
  std::optional<double> at_device;     // issue -> completion
  // Unless nearly all requests were ended by an interrupt that was traced, the next four are absent.
  std::optional<double> at_host;           // issue -> interrupt
  std::optional<double> completion;        // interrupt -> completion, see CompletionDelay: from above
  std::optional<double> completion_local;  // of those on the vCPU that submitted
  std::optional<double> completion_cross;  // of those on another
  // Waits for the disk's spin locks, within any of the others; absent without those of the driver's queues.
  std::optional<double> lock_waits;

  [[nodiscard]] double total() const { return before_issue.value_or(0) + at_device.value_or(0); }
};

// nullopt without requests, and where they are not seen.
std::optional<RequestTime> request_time(const DeviceSnapshot& window);

// Whether waits for the locks of the driver's queues are counted, which requests take most.
bool counts_queue_locks(const DeviceSnapshot& window);

}  // namespace vqscope
