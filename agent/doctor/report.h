// SPDX-License-Identifier: Apache-2.0
// What `vqscope doctor` has to say, before it is written as text or JSON. Pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/diagnosis/diagnosis.h"
#include "agent/diagnosis/platform.h"
#include "agent/model/reading.h"

namespace vqscope {

// Exit status of `vqscope doctor`: that of a monitoring plugin
// (https://www.monitoring-plugins.org/doc/guidelines.html).
inline constexpr int kHealthy = 0, kWarning = 1, kCritical = 2, kCouldNotTell = 3;

// A disk that could not be judged, and why.
struct Untold {
  std::string device;
  std::string reason;  // a sentence
  bool idle = false;   // load would help
};

struct Report {
  Topology topology;  // at the end
  Diagnosis diagnosis;
  PlatformChoice platform;
  std::vector<Untold> untold;
  std::vector<std::string> notes;  // sentences: what was not seen
  int status = kCouldNotTell;
};

// `first` and `last` begin and end the window; `full_time` has seen the readings between them too.
Report make_report(const Reading& first, const Reading& last, const FullTime& full_time,
                   std::optional<Platform> platform);

// "healthy", "warning", "critical", "could not tell"
std::string_view name_of_status(int status);

// A command that makes load on the disks and only reads.
std::string load_command(const std::vector<std::string>& disks, const Topology& topology);

struct TextStyle {
  std::size_t width = 80;
  bool color = false;
};

std::string to_text(const Report& report, const TextStyle& style);

// One JSON object, documented in FINDINGS.md.
std::string to_json(const Report& report);

}  // namespace vqscope
