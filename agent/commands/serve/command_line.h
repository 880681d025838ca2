// SPDX-License-Identifier: Apache-2.0
// The command line of `vqscope serve`.
#pragma once

#include "agent/commands/common/options.h"
#include "agent/commands/serve/options.h"

namespace vqscope {

Subcommand<ServeOptions> add_serve(CLI::App& app);

}  // namespace vqscope
