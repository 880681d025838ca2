// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/base/result.h"
#include "agent/commands/serve/options.h"

namespace vqscope {

// Serves the page of the recording at options.replay until SIGTERM or SIGINT: no metrics, for what is scraped is taken
// for what is now. Needs no rights and attaches nothing. An error says why it could not start.
Result<void> serve_recording(const ServeOptions& options);

}  // namespace vqscope
