// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <string>
#include <variant>

#include "agent/base/logging.h"
#include "agent/base/standard_streams.h"
#include "agent/commands/command_line.h"
#include "agent/commands/compare/compare.h"
#include "agent/commands/doctor/doctor.h"
#include "agent/commands/explain/explain.h"
#include "agent/commands/record/record.h"
#include "agent/commands/serve/serve.h"
#include "agent/commands/top/top.h"
#include "agent/probes/probe.h"

namespace {

int run(const vqscope::ServeOptions& options) {
  vqscope::set_up_logging(options.log);
  vqscope::route_libbpf_messages();
  if (const auto served = vqscope::serve(options); !served) {
    vqscope::complain(served.error().message);
    return vqscope::kExitFailure;
  }
  return 0;
}

int run(const vqscope::DoctorOptions& options) {
  vqscope::set_up_logging(options.log);
  vqscope::route_libbpf_messages();
  // 1 and 2 would be taken for what is wrong with the disks.
  try {
    const auto status = vqscope::doctor(options);
    if (status) return *status;
    vqscope::complain(status.error().message);
  } catch (const std::exception& error) {
    vqscope::complain(std::string("unexpected failure: ") + error.what());
  }
  return vqscope::kExitUnknown;
}

int run(const vqscope::RecordOptions& options) {
  vqscope::set_up_logging(options.log);
  vqscope::route_libbpf_messages();
  const auto recorded = vqscope::record(options);
  if (recorded) return *recorded;
  vqscope::complain(recorded.error().message);
  return vqscope::kExitFailure;
}

int run(const vqscope::TopOptions& options) {
  vqscope::set_up_logging(options.log);
  vqscope::route_libbpf_messages();
  if (const auto shown = vqscope::top(options); !shown) {
    vqscope::complain(shown.error().message);
    return vqscope::kExitFailure;
  }
  return 0;
}

int run(const vqscope::CompareOptions& options) {
  vqscope::set_up_logging({.level = "error"});
  vqscope::route_libbpf_messages();
  return vqscope::compare(options);
}

int run(const vqscope::ExplainOptions& options) { return vqscope::explain(options); }

}  // namespace

int main(int argc, char** argv) {
  vqscope::secure_standard_streams();
  try {
    const vqscope::CommandLine line = vqscope::parse_command_line(argc, argv);
    if (line.exit_status) return *line.exit_status;
    return std::visit([](const auto& options) { return run(options); }, line.command);
  } catch (const std::exception& error) {
    vqscope::complain(std::string("unexpected failure: ") + error.what());
    return vqscope::kExitFailure;
  }
}
