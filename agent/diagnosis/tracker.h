// SPDX-License-Identifier: Apache-2.0
// Keeps findings from flapping. A finding is raised when it has held in FindingKind::raise_after windows in a row, and
// cleared when it has not held in kClearAfter windows in a row. While it is raised, its severity is the worst of the
// last kClearAfter windows. Not thread-safe.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "agent/diagnosis/diagnosis.h"
#include "agent/model/model.h"

namespace vqscope {

// With windows of 5 s: half a minute of quiet.
inline constexpr unsigned kClearAfter = 6;

// A finding as it held last, and the severity that it is reported with.
struct RaisedFinding {
  Severity severity = Severity::kInfo;
  Finding finding;
};

class FindingTracker {
 public:
  struct Change {
    std::optional<Severity> severity;  // raised, or now of another severity; absent: cleared
    Finding finding;                   // as it held last
  };

  // Takes the findings of the next window; returns what changed.
  std::vector<Change> update(const Diagnosis& diagnosis);

  // What holds now, in the table's order.
  [[nodiscard]] std::vector<RaisedFinding> raised() const;
  [[nodiscard]] std::vector<ActiveFinding> active() const;

 private:
  struct Tracked {
    Finding finding;                              // as it held last
    std::deque<std::optional<Severity>> history;  // of the last kClearAfter windows, the newest first
    std::optional<Severity> raised;               // as reported; absent: not raised
  };

  std::vector<Tracked> tracked_;
};

}  // namespace vqscope
