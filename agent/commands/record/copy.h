// SPDX-License-Identifier: Apache-2.0
// `vqscope record OUT --replay IN`
#pragma once

#include "agent/base/result.h"
#include "agent/commands/record/options.h"

namespace vqscope {

// Writes a piece of a recording to a file of its own: the same readings, segments and times. Returns the exit status:
// 1, and the reason on standard error, when the end of what was asked for could not be read.
Result<int> copy_piece(const RecordOptions& options);

}  // namespace vqscope
