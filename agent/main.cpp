// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "agent/daemon/logging.h"
#include "agent/daemon/options.h"
#include "agent/daemon/serve.h"
#include "agent/probes/probe.h"

int main(int argc, char** argv) {
  try {
    const vqscope::CommandLine command = vqscope::parse_command_line(argc, argv);
    if (command.exit_status) return *command.exit_status;
    vqscope::set_up_logging(command.serve.log_level, command.serve.log_format);
    vqscope::route_libbpf_messages();
    if (const auto served = vqscope::serve(command.serve); !served) {
      fmt::print(stderr, "vqscope: {}\n", served.error().message);
      return vqscope::kExitFailure;
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "vqscope: unexpected failure: {}\n", error.what());
    return vqscope::kExitFailure;
  }
}
