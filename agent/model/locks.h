// SPDX-License-Identifier: Apache-2.0
// Names of the locks in bpf/records.h's enum vqs_lock_kind, as the label lock has them.
#pragma once

#include <array>
#include <string_view>

#include "bpf/records.h"

namespace vqscope {

inline constexpr std::array<std::string_view, VQS_LOCKS> kLockNames = {"queue", "elevator", "dispatch"};

}  // namespace vqscope
