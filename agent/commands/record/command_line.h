// SPDX-License-Identifier: Apache-2.0
// The command line of `vqscope record`.
#pragma once

#include "agent/commands/common/options.h"
#include "agent/commands/record/options.h"

namespace vqscope {

Subcommand<RecordOptions> add_record(CLI::App& app);

}  // namespace vqscope
