// SPDX-License-Identifier: Apache-2.0
// The window that the doctor looks at in a recording.
#pragma once

#include "agent/base/result.h"
#include "agent/commands/doctor/watch.h"
#include "agent/source/measure_options.h"
#include "agent/source/piece.h"

namespace vqscope {

// Of a piece in which the counters began anew, the longest stretch in which they did not. Fails when nothing of it can
// be read, when no disk matches, and when it is too short to tell anything.
Result<Watched> look_into(const Piece& piece, const MeasureOptions& measure);

}  // namespace vqscope
