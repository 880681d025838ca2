// SPDX-License-Identifier: Apache-2.0
// The command `vqscope record`.
#pragma once

#include "agent/base/result.h"
#include "agent/commands/record/options.h"

namespace vqscope {

// Takes a reading at once and then every second, until the duration is over, or the command that it runs has ended, or
// SIGTERM or SIGINT comes: the command gets that too, and is waited for. Returns the exit status: that of the command.
Result<int> record(const RecordOptions& options);

}  // namespace vqscope
