// SPDX-License-Identifier: Apache-2.0
// The command line of `vqscope top`.
#pragma once

#include "agent/commands/common/options.h"
#include "agent/commands/top/options.h"

namespace vqscope {

Subcommand<TopOptions> add_top(CLI::App& app);

}  // namespace vqscope
