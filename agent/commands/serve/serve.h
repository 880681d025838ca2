// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/base/result.h"
#include "agent/commands/serve/options.h"

namespace vqscope {

// Runs the daemon until SIGTERM or SIGINT. An error says why it could not start.
Result<void> serve(const ServeOptions& options);

}  // namespace vqscope
