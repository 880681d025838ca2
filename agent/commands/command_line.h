// SPDX-License-Identifier: Apache-2.0
// The command line.
#pragma once

#include <optional>
#include <variant>

#include "agent/commands/common/exit_status.h"
#include "agent/commands/compare/options.h"
#include "agent/commands/doctor/options.h"
#include "agent/commands/explain/options.h"
#include "agent/commands/record/options.h"
#include "agent/commands/serve/options.h"
#include "agent/commands/top/options.h"

namespace vqscope {

// What to do, of whichever command.
using AnyOptions = std::variant<ServeOptions, DoctorOptions, RecordOptions, CompareOptions, ExplainOptions, TopOptions>;

// What the command line asks for. Either `exit_status` is set, and help, version or a clear error has been printed,
// or `command` is the command to run.
struct CommandLine {
  std::optional<int> exit_status;
  AnyOptions command;
};

CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace vqscope
