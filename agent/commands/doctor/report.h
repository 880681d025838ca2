// SPDX-License-Identifier: Apache-2.0
// What `vqscope doctor` has to say, before it is written as text, Markdown or JSON. Pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/diagnosis/cpu_time.h"
#include "agent/diagnosis/diagnosis.h"
#include "agent/diagnosis/platform.h"
#include "agent/diagnosis/remedies.h"
#include "agent/model/reading.h"
#include "agent/recording/header.h"

namespace vqscope {

// Exit status of `vqscope doctor`: that of a monitoring plugin
// (https://www.monitoring-plugins.org/doc/guidelines.html).
inline constexpr int kHealthy = 0, kWarning = 1, kCritical = 2, kCouldNotTell = 3;

// A disk that could not be judged, and why.
struct Untold {
  std::string device;
  std::string reason;             // a sentence
  bool too_few_requests = false;  // load would help
  bool idle = false;              // there was none at all
};

// What is wrong with the disks, in two sentences.
struct Headline {
  std::string what;
  std::string next;  // what to do about it
};

// Where readings were taken, and when.
struct Origin {
  std::string place;       // this guest's host name, "the agent at URL", or a recording's file; empty: not known
  RecordingHeader header;  // of the one that measured; it begins with the window
  bool recorded = false;   // it is a recording: what happens now is not in it
};

// How a report came about, beside its readings.
struct ReportOptions {
  std::optional<Platform> platform;     // absent: what can be detected
  bool idle_is_ok = false;              // having had too few requests is no reason for kCouldNotTell
  bool permitted = true;                // false: nothing was measured for want of rights, and both readings are one
  std::vector<std::string> notes = {};  // sentences
  Origin origin = {};
  bool all_remedies = false;   // those of findings that are only worth knowing too
  std::string cut_short = {};  // a sentence: why the end of the window was not seen; empty: it was
};

struct Report {
  Topology topology;  // at the end
  Diagnosis diagnosis;
  PlatformChoice platform;
  std::vector<Untold> untold;
  std::vector<std::string> notes;                 // sentences: what was not seen
  std::optional<std::vector<CpuLoad>> full_cpus;  // vCPUs without time to spare; absent: not known
  Origin origin;
  bool permitted = true, all_remedies = false, cut_short = false;  // as in ReportOptions
  int status = kCouldNotTell;
  std::string_view result;  // "healthy", "warning", "critical", "could not tell", or "idle" with status 0
};

// `first` and `last` begin and end the window; `course` has seen the readings between them too.
Report make_report(const Reading& first, const Reading& last, const Course& course, ReportOptions options);

Headline verdict_of(const Report& report);

// Something was found, or a disk had requests enough: it takes no load to say more.
bool is_judged(const Report& report);

// The finding that the verdict is about; null without findings.
const Finding* most_telling(const Report& report);

// The disk that a finding is about; null for the whole guest.
const Disk* disk_of(const Finding& finding, const Report& report);

// One remedy for all findings that it mends, on disks of one kind.
struct Advice {
  std::vector<std::string> mends;  // ids of findings
  std::vector<std::string> also;   // disks beyond the one that the instructions name
  Instructions instructions;
};

struct AllAdvice {
  std::vector<Advice> to_do;     // what is worth a change: for warnings and worse
  std::vector<Advice> optional;  // for what is only worth knowing, if it was asked for
  std::string how_to_see_more;   // a sentence if there is more and it was not asked for, else empty
};

// In the order of the findings.
AllAdvice advice_of(const Report& report);

// What the optional advice is.
inline constexpr std::string_view kOptionalAdvice = "What would change the INFO findings";

// A command that makes load on the disks and only reads.
std::string load_command(const std::vector<std::string>& disks, const Topology& topology);

struct TextStyle {
  std::size_t width = 80;
  bool colour = false;
};

std::string to_text(const Report& report, const TextStyle& style);

// For a ticket.
std::string to_markdown(const Report& report);

// One JSON object, documented in FINDINGS.md.
std::string to_json(const Report& report);

}  // namespace vqscope
