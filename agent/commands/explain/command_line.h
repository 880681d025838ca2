// SPDX-License-Identifier: Apache-2.0
// The command line of `vqscope explain`.
#pragma once

#include "agent/commands/common/options.h"
#include "agent/commands/explain/options.h"

namespace vqscope {

Subcommand<ExplainOptions> add_explain(CLI::App& app);

}  // namespace vqscope
