// SPDX-License-Identifier: Apache-2.0
// What `vqscope record` is asked to record.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/logging.h"
#include "agent/source/agent_client.h"
#include "agent/source/measure_options.h"
#include "agent/source/piece.h"

namespace vqscope {

struct RecordOptions {
  MeasureOptions measure;
  LogOptions log;
  std::filesystem::path file;
  std::optional<std::uint64_t> duration_seconds;  // absent: until a signal comes
  std::string note;
  AgentAddress agent;  // a running one, to be read instead of attaching probes; no URL: none
  Piece replay;        // of a recording, to be copied instead; no file: none
  bool append = false;
  std::vector<std::string> command;  // to run, and to record for as long as it does; empty: none
};

}  // namespace vqscope
