// SPDX-License-Identifier: Apache-2.0
// Which of a disk's hardware queues are judged. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <optional>

#include "agent/diagnosis/rules.h"

namespace vqscope {

// Hardware queues that take the same requests, and what they had to do.
struct QueueGroup {
  std::optional<QueueType> type;  // absent: the disk's queues are all alike, as far as is known
  std::size_t queues = 0;
  double rate = 0;                        // requests per second
  std::optional<double> submission_cpus;  // effective number; absent without requests
  std::optional<double> interrupt_share;  // of the busiest vCPU; absent without interrupts, or where they are not known
};

QueueGroup group_of_type(const DiskEvidence& evidence, QueueType type);

// The queues that are judged: all that interrupt; where reads have their own, those with more requests for each queue,
// and the fewer of an idle disk. What goes through polled queues is not theirs.
QueueGroup judged_queues(const DiskEvidence& evidence);

}  // namespace vqscope
