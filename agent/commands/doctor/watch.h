// SPDX-License-Identifier: Apache-2.0
// The window that the doctor looks at: readings, from this guest's own probes, from a running agent or of a recording.
#pragma once

#include <string>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/commands/doctor/options.h"
#include "agent/commands/doctor/report.h"
#include "agent/commands/doctor/stretch.h"

namespace vqscope {

struct Watched {
  Stretch seen;                    // one reading without rights; none, if a signal came before it
  int signal = 0;                  // that ended it early; 0: none
  bool permitted = true;           // false: this process may not attach probes, so there was nothing to wait for
  std::string cut_short;           // as in ReportOptions
  std::vector<std::string> notes;  // sentences: what stands for the disks that were named
  std::string place;               // Source::place()
};

// Watches for options.duration_seconds or until a signal is readable from `signals`. On a terminal, tells of its
// progress on standard error in one line, which it takes away at the end. An agent that does not answer is asked again
// every second; what was seen of one that is gone at the end, or is started anew, is cut short. Fails when no second
// was seen at all, and when no disk matches.
Result<Watched> watch(const DoctorOptions& options, const Fd& signals);

}  // namespace vqscope
