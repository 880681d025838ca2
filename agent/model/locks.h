// SPDX-License-Identifier: Apache-2.0
// Names of the locks in bpf/records.h's enum vqs_lock_kind, as the label lock has them.
#pragma once

#include <array>
#include <string_view>

#include "agent/model/snapshot.h"
#include "bpf/records.h"

namespace vqscope {

inline constexpr std::array<std::string_view, VQS_LOCKS> kLockNames = {"queue", "elevator", "dispatch"};

// An elevator's that is one for all queues of the disk.
inline bool is_elevators_one_lock(const LockCounters& lock) {
  return lock.lock == kLockNames[VQS_ELEVATOR_LOCK] && !lock.queue;
}

}  // namespace vqscope
