// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/recent.h"

#include <utility>

#include "agent/diagnosis/course.h"
#include "agent/diagnosis/diagnosis.h"

namespace vqscope {

namespace {

// Readings that are meant to be a second apart come a little early now and then. Those that are closer are not kept
// between the window's ends, so that it takes the same room however often there is one.
constexpr std::uint64_t kApartNs = 950'000'000;
constexpr std::uint64_t kLongEnoughNs = kRecentNs - (1'000'000'000 - kApartNs);

}  // namespace

void RecentReadings::add(const Topology& topology, Snapshot snapshot) {
  const std::uint64_t now = snapshot.time_ns;
  if (!kept_.empty() && kept_.back().snapshot.time_ns >= now) clear();
  auto shared = !kept_.empty() && *kept_.back().topology == topology ? kept_.back().topology
                                                                     : std::make_shared<const Topology>(topology);
  condense(snapshot);
  const std::size_t kept = kept_.size();
  if (kept >= 2 && kept_[kept - 1].snapshot.time_ns < kept_[kept - 2].snapshot.time_ns + kApartNs) kept_.pop_back();
  kept_.push_back({std::move(shared), std::move(snapshot)});
  while (kept_.size() > 2 && kept_[1].snapshot.time_ns + kLongEnoughNs <= now) kept_.pop_front();
}

RecentFindings RecentReadings::judge() const {
  if (kept_.size() < 2) return {};
  Course course;
  for (const Kept& each : kept_) course.add(*each.topology, each.snapshot);
  const Kept& last = kept_.back();
  Diagnosis diagnosis = diagnose(*last.topology, kept_.front().snapshot, last.snapshot, course);
  return {std::move(diagnosis.findings), diagnosis.seconds};
}

}  // namespace vqscope
