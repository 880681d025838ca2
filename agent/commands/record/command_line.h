// SPDX-License-Identifier: Apache-2.0
// The command line of `vqscope record`.
#pragma once

#include "agent/commands/common/options.h"
#include "agent/commands/record/options.h"

namespace vqscope {

Subcommand<RecordOptions> add_record(CLI::App& app);

// The words of the command to record. An error is a sentence.
Result<void> add_command(RecordOptions& options, std::vector<std::string> words);

}  // namespace vqscope
