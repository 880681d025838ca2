// SPDX-License-Identifier: Apache-2.0
// What `vqscope top` is asked for.
#pragma once

#include <filesystem>
#include <optional>

#include "agent/base/logging.h"
#include "agent/base/moment.h"
#include "agent/source/agent_client.h"
#include "agent/source/measure_options.h"

namespace vqscope {

struct TopOptions {
  MeasureOptions measure;
  LogOptions log = {.level = "error"};
  AgentAddress agent;            // no URL: one that runs here, or else probes of our own
  std::filesystem::path replay;  // a recording to look at instead; empty: none
  std::optional<Moment> at;      // where to begin in it; absent: at its start
  double interval_seconds = 1;
  bool once = false;  // print one picture as text
};

}  // namespace vqscope
