// SPDX-License-Identifier: Apache-2.0
// What was found at each moment that the live page's history has. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "agent/diagnosis/finding.h"
#include "agent/diagnosis/recent.h"
#include "agent/model/reading.h"

namespace vqscope {

// So often what is found is looked at anew: over kRecentNs, so that what begins or ends is seen within that time.
inline constexpr std::uint64_t kJudgeEveryNs = 5'000'000'000;

// What this may take however much is found: the oldest is forgotten first.
inline constexpr std::size_t kMostFindingBytes = std::size_t{1} << 20;

class FindingHistory {
 public:
  // Takes the reading with which a step ends, or `step` is of the next one to come; true when it was judged.
  bool add(const Reading& reading, std::uint64_t step);

  // Judges what was read until now, at this step: there is no more to come.
  void judge(std::uint64_t step);

  // The counters begin anew: what was read before is compared with nothing that is to come.
  void begin_anew();

  // Forgets what only steps before this one had.
  void forget_before(std::uint64_t step);

  // What was found last.
  [[nodiscard]] const RecentFindings& last() const { return last_; }
  // Those of before that were not found then, as they were found last.
  [[nodiscard]] std::vector<Finding> before() const;

  // As JSON, without brackets: what was judged at steps after number `after` and up to `last`; from the beginning on
  // with what held when the oldest began.
  [[nodiscard]] std::string judged(std::uint64_t after, std::uint64_t last) const;

 private:
  struct Judged {
    std::uint64_t step = 0;  // it holds from there to the next
    std::string packed;
  };
  // A kind of finding on a disk.
  struct Known {
    Finding finding;         // as it was found last
    std::uint64_t step = 0;  // when that was
  };

  void remember(std::uint64_t step);

  RecentReadings readings_;
  std::optional<std::uint64_t> judged_ns_;
  RecentFindings last_;
  std::deque<Judged> judged_;
  std::size_t bytes_ = 0;
  std::vector<Known> known_;
};

}  // namespace vqscope
