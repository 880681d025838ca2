// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/tracker.h"

#include <algorithm>

namespace vqscope {

namespace {

bool same(const Finding& a, const Finding& b) { return a.kind == b.kind && a.device == b.device; }

std::optional<Severity> worst(const std::deque<std::optional<Severity>>& history) {
  return *std::max_element(history.begin(), history.end());  // an absent one is less than any
}

}  // namespace

std::vector<FindingTracker::Change> FindingTracker::update(const Diagnosis& diagnosis) {
  for (Tracked& tracked : tracked_) tracked.history.push_front(std::nullopt);
  for (const Finding& finding : diagnosis.findings) {
    auto it = std::find_if(tracked_.begin(), tracked_.end(),
                           [&](const Tracked& tracked) { return same(tracked.finding, finding); });
    if (it == tracked_.end()) it = tracked_.insert(it, Tracked{{}, {std::nullopt}, std::nullopt});
    it->finding = finding;
    it->history.front() = finding.found.severity;
  }
  std::vector<Change> changes;
  for (Tracked& tracked : tracked_) {
    if (tracked.history.size() > kClearAfter) tracked.history.pop_back();
    const auto held = std::find(tracked.history.begin(), tracked.history.end(), std::nullopt) - tracked.history.begin();
    if (!tracked.raised && held < tracked.finding.kind->raise_after) continue;
    const std::optional<Severity> severity = worst(tracked.history);
    if (severity == tracked.raised) continue;
    tracked.raised = severity;
    changes.push_back({severity, tracked.finding});
  }
  std::erase_if(tracked_, [](const Tracked& tracked) { return !worst(tracked.history); });
  return changes;
}

std::vector<RaisedFinding> FindingTracker::raised() const {
  std::vector<RaisedFinding> raised;
  for (const Tracked& tracked : tracked_)
    if (tracked.raised) raised.push_back({*tracked.raised, tracked.finding});
  std::stable_sort(raised.begin(), raised.end(),
                   [](const RaisedFinding& a, const RaisedFinding& b) { return a.finding.kind < b.finding.kind; });
  return raised;
}

std::vector<ActiveFinding> FindingTracker::active() const {
  std::vector<ActiveFinding> active;
  for (const auto& [severity, finding] : raised())
    active.push_back({finding.device, std::string(finding.kind->id), std::string(name_of(severity))});
  return active;
}

}  // namespace vqscope
