// SPDX-License-Identifier: Apache-2.0
// What a command's main loop waits for, as file descriptors.
#pragma once

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace vqscope {

// Blocks SIGTERM and SIGINT, and SIGHUP if asked, in all threads to come, and makes them readable.
enum class Hangup { kEnds, kIsRead };
Result<Fd> watch_signals(Hangup hangup = Hangup::kEnds);

// Lets them end the process again; those that came meanwhile do so now.
Result<void> release_signals();

// Readable once a second: 8 bytes, the seconds since it was last read. Does not block.
Result<Fd> every_second();

}  // namespace vqscope
