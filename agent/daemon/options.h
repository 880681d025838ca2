// SPDX-License-Identifier: Apache-2.0
// The command line.
#pragma once

#include <string>
#include <vector>

#include "agent/model/buckets.h"
#include "agent/topology/device_filter.h"
#include "agent/topology/scan.h"

namespace vqscope {

struct ServeOptions {
  std::vector<std::string> listen_addresses;  // empty: the default, loopback of IPv4 and, where there is IPv6, of IPv6
  std::string telemetry_path = "/metrics";
  std::string log_level = "info";
  std::string log_format = "text";
  std::string device_include, device_exclude;
  std::vector<std::string> required_probes;
  double window_seconds = 10;
  ClassicBuckets classic_buckets = default_classic_buckets();
  SystemPaths paths;
};

inline constexpr int kExitFailure = 1;  // could not do what was asked
inline constexpr int kExitUsage = 2;    // the command line makes no sense

// What the command line asks for. Either `exit_status` is set, and help, version or a clear error has been printed,
// or the agent is to serve with `serve`.
struct CommandLine {
  std::optional<int> exit_status;
  ServeOptions serve;
};

CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace vqscope
