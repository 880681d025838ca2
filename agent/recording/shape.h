// SPDX-License-Identifier: Apache-2.0
// What a full sample says of the devices that are counted, and the snapshot of zeros that its differences are to.
#pragma once

#include "agent/base/result.h"
#include "agent/model/snapshot.h"
#include "recording/recording.pb.h"

namespace vqscope {

// Whether a snapshot of these shapes is of a sensible size.
Result<void> check_shapes(const recording::Sample& sample);

Snapshot blank_snapshot(const recording::Sample& sample);

InterruptLine decode_line(const recording::InterruptLine& line);

}  // namespace vqscope
