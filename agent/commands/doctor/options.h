// SPDX-License-Identifier: Apache-2.0
// What `vqscope doctor` is asked to look at.
#pragma once

#include <optional>

#include "agent/base/logging.h"
#include "agent/diagnosis/platform.h"
#include "agent/source/agent_client.h"
#include "agent/source/measure_options.h"
#include "agent/source/piece.h"

namespace vqscope {

enum class DoctorFormat { kText, kMarkdown, kJson };

struct DoctorOptions {
  MeasureOptions measure;
  LogOptions log = {.level = "error"};
  double duration_seconds = 10;
  std::optional<Platform> platform;  // absent: what can be detected
  bool remedies = false;             // of what is only worth knowing too
  AgentAddress agent;                // a running one, to be read instead of attaching probes; no URL: none
  Piece replay;                      // of a recording, to be looked at instead; no file: none
  DoctorFormat format = DoctorFormat::kText;
  bool idle_is_ok = false;  // disks without enough requests to judge are no reason for kExitUnknown
};

}  // namespace vqscope
