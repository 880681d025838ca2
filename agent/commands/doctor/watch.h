// SPDX-License-Identifier: Apache-2.0
// The window that the doctor looks at: readings, from this guest's own probes or from a running agent.
#pragma once

#include <string>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/commands/doctor/options.h"
#include "agent/commands/doctor/report.h"
#include "agent/diagnosis/course.h"
#include "agent/model/reading.h"

namespace vqscope {

struct Watched {
  Reading first, last;             // one and the same without rights, or when a signal came at once
  Course course;                   // of the readings between them
  int signal = 0;                  // that ended it early; 0: none
  bool permitted = true;           // false: this process may not attach probes, so there was nothing to wait for
  std::vector<std::string> notes;  // sentences: what stands for the disks that were named
  Origin origin;
};

// Watches for options.duration_seconds or until a signal is readable from `signals`. On a terminal, tells of its
// progress on standard error in one line, which it takes away at the end. Fails when nothing can be read at all, when
// no disk matches, and when the agent at options.agent fails or is started anew.
Result<Watched> watch(const DoctorOptions& options, const Fd& signals);

}  // namespace vqscope
