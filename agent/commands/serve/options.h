// SPDX-License-Identifier: Apache-2.0
// What `vqscope serve` is asked to do.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/base/logging.h"
#include "agent/model/buckets.h"
#include "agent/source/measure_options.h"
#include "agent/source/piece.h"

namespace vqscope {

struct ServeOptions {
  MeasureOptions measure;
  LogOptions log;
  std::vector<std::string> listen_addresses;  // empty: the default, loopback of IPv4 and, where there is IPv6, of IPv6
  unsigned socket_mode = 0660;                // of unix sockets among them
  bool systemd_socket = false;                // listen on what systemd passed, and on nothing else
  std::vector<std::string> allowed_hosts;     // names that loopback listeners answer for, besides this machine's own
  std::filesystem::path web_config;           // TLS and users; empty: plain HTTP that everyone may read
  std::string telemetry_path = "/metrics";
  double window_seconds = 10;
  ClassicBuckets classic_buckets = default_classic_buckets();
  Piece replay;         // of a recording, to be shown instead; no file: none
  std::string user;     // to become once the probes are attached; empty: stay the one that started this
  bool seccomp = true;  // restrict system calls once the probes are attached
};

}  // namespace vqscope
