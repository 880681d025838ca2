// SPDX-License-Identifier: Apache-2.0
// The command `vqscope record`.
#pragma once

#include "agent/base/result.h"
#include "agent/commands/record/options.h"

namespace vqscope {

// Takes a reading at once and then every second, until the duration is over or SIGTERM or SIGINT comes.
Result<void> record(const RecordOptions& options);

}  // namespace vqscope
