// SPDX-License-Identifier: Apache-2.0
// Names of the operations in bpf/records.h's enum vqs_op_kind, as the label op has them.
#pragma once

#include <array>
#include <string_view>

#include "bpf/records.h"

namespace vqscope {

inline constexpr std::array<std::string_view, VQS_OPS> kOperationNames = {"read", "write", "flush", "discard", "other"};

}  // namespace vqscope
