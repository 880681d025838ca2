// SPDX-License-Identifier: Apache-2.0
// The command line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/compare/options.h"
#include "agent/diagnosis/platform.h"
#include "agent/model/buckets.h"
#include "agent/recording/fetch.h"
#include "agent/topology/scan.h"

namespace vqscope {

// What is measured, and how the agent tells of itself; of every command that attaches probes.
struct MeasureOptions {
  std::vector<std::string> devices;            // names or paths of disks; empty: what the patterns say
  std::string device_include, device_exclude;  // with `devices`: empty
  std::vector<std::string> required_probes;
  SystemPaths paths;
  std::string log_level = "info";
  std::string log_format = "text";
};

struct ServeOptions {
  MeasureOptions measure;
  std::vector<std::string> listen_addresses;  // empty: the default, loopback of IPv4 and, where there is IPv6, of IPv6
  unsigned socket_mode = 0660;                // of unix sockets among them
  bool systemd_socket = false;                // listen on what systemd passed, and on nothing else
  std::vector<std::string> allowed_hosts;     // names that loopback listeners answer for, besides this machine's own
  std::filesystem::path web_config;           // TLS and users; empty: plain HTTP that everyone may read
  std::string telemetry_path = "/metrics";
  double window_seconds = 10;
  ClassicBuckets classic_buckets = default_classic_buckets();
  std::string user;     // to become once the probes are attached; empty: stay the one that started this
  bool seccomp = true;  // restrict system calls once the probes are attached
};

enum class DoctorFormat { kText, kMarkdown, kJson };

struct DoctorOptions {
  MeasureOptions measure;
  double duration_seconds = 10;
  std::optional<Platform> platform;  // absent: what can be detected
  AgentAddress agent;                // a running one, to be read instead of attaching probes; no URL: none
  DoctorFormat format = DoctorFormat::kText;
  bool idle_is_ok = false;  // disks without enough requests to judge are no reason for kExitUnknown
};

struct ExplainOptions {
  std::string topic;  // id of a finding, or another section of FINDINGS.md; empty: list them
};

struct RecordOptions {
  MeasureOptions measure;
  std::filesystem::path file;
  std::optional<std::uint64_t> duration_seconds;  // absent: until a signal comes
  std::string note;
  AgentAddress agent;  // a running one, to be read instead of attaching probes; no URL: none
  bool append = false;
};

inline constexpr int kExitFailure = 1;  // could not do what was asked
inline constexpr int kExitUsage = 2;    // the command line makes no sense
inline constexpr int kExitUnknown = 3;  // both, of `doctor`, as monitoring plugins have it

// What the command line asks for. Either `exit_status` is set, and help, version or a clear error has been printed,
// or `command` is the command to run.
struct CommandLine {
  std::optional<int> exit_status;
  std::variant<ServeOptions, DoctorOptions, RecordOptions, CompareOptions, ExplainOptions> command;
};

CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace vqscope
