// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/base/result.h"
#include "agent/commands/doctor/options.h"

namespace vqscope {

// Watches the disks, or looks into a recording of them, prints what is wrong and how to mend it, and returns the exit
// status: see report.h. SIGINT and SIGTERM end the watching; in its first second nothing is printed then, and the
// status is 128 + the signal's number. An error says why nothing could be told at all.
Result<int> doctor(const DoctorOptions& options);

}  // namespace vqscope
