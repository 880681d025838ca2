// SPDX-License-Identifier: Apache-2.0
// The command line of `vqscope doctor`.
#pragma once

#include "agent/commands/common/options.h"
#include "agent/commands/doctor/options.h"

namespace vqscope {

Subcommand<DoctorOptions> add_doctor(CLI::App& app);

}  // namespace vqscope
