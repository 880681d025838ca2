// SPDX-License-Identifier: Apache-2.0
#include "exporters/page/finding_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "exporters/page/machine.h"
#include "exporters/page/step_history.h"

namespace vqscope {

namespace {

bool same(const Finding& a, const Finding& b) { return a.kind == b.kind && a.device == b.device; }

}  // namespace

bool FindingHistory::add(const Reading& reading, std::uint64_t step) {
  const std::uint64_t now = reading.snapshot.time_ns;
  readings_.add(reading.topology, reading.snapshot);
  if (!judged_ns_) judged_ns_ = now;  // the first one has no window
  if (now < *judged_ns_ + kJudgeEveryNs) return false;
  judged_ns_ = now;
  judge(step);
  return true;
}

void FindingHistory::judge(std::uint64_t step) {
  if (!judged_.empty() && judged_.back().step == step) return;
  last_ = readings_.judge();
  remember(step);
  judged_.push_back({step, pack(fmt::format(R"({{"step":{},"seconds":{:.2f},"findings":{}}})", step,
                                            last_.seconds.value_or(0), evidence_json(last_.found)))});
  bytes_ += judged_.back().packed.size();
  while (bytes_ > kMostFindingBytes && judged_.size() > 1) forget_before(judged_[1].step);
}

void FindingHistory::begin_anew() {
  readings_ = {};
  judged_ns_.reset();
}

void FindingHistory::remember(std::uint64_t step) {
  for (const Finding& finding : last_.found) {
    const auto known = std::ranges::find_if(known_, [&](const Known& each) { return same(each.finding, finding); });
    if (known != known_.end())
      *known = {finding, step};
    else
      known_.push_back({finding, step});
  }
}

void FindingHistory::forget_before(std::uint64_t step) {
  while (judged_.size() > 1 && judged_[1].step <= step) {
    bytes_ -= judged_.front().packed.size();
    judged_.pop_front();
  }
  if (!judged_.empty()) std::erase_if(known_, [&](const Known& each) { return each.step < judged_.front().step; });
}

std::vector<Finding> FindingHistory::before() const {
  std::vector<Finding> before;
  for (const Known& known : known_)
    if (std::ranges::none_of(last_.found, [&](const Finding& found) { return same(found, known.finding); }))
      before.push_back(known.finding);
  return before;
}

std::string FindingHistory::judged(std::uint64_t after, std::uint64_t last) const {
  std::string text;
  for (const Judged& judged : judged_)
    if (judged.step > after && judged.step <= last) text += (text.empty() ? "" : ",") + unpack(judged.packed);
  return text;
}

}  // namespace vqscope
