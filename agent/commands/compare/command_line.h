// SPDX-License-Identifier: Apache-2.0
// The command line of `vqscope compare`.
#pragma once

#include "agent/commands/common/options.h"
#include "agent/commands/compare/options.h"

namespace vqscope {

Subcommand<CompareOptions> add_compare(CLI::App& app);

}  // namespace vqscope
