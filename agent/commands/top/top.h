// SPDX-License-Identifier: Apache-2.0
// `vqscope top`: the disks of a guest as they are now, or as a recording has them.
#pragma once

#include "agent/base/result.h"
#include "agent/commands/top/options.h"

namespace vqscope {

// Shows pictures until somebody ends it, or prints one with options.once. An error says why there is none.
Result<void> top(const TopOptions& options);

}  // namespace vqscope
