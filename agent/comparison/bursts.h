// SPDX-License-Identifier: Apache-2.0
// Few seconds of one side in which other requests came beside the load, such as a journal's commit. Pure and
// thread-safe; METHOD.md, section 2, explains.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/comparison/numbers.h"

namespace vqscope {

// The two sides without their bursts.
struct WithoutBursts {
  std::optional<DeviceSeries> before, after;  // what remains of a side; absent: all of it counts
  std::vector<std::string> notes;             // a sentence about each side of which something was left out
};

// `file_before` and `file_after` are what the sides are called in the notes.
WithoutBursts without_bursts(const Pair& pair, const std::string& file_before, const std::string& file_after);

// Of loads that differ: which seconds have the other requests where those are not most, and yet too many to be left
// out; empty where that is not so.
std::string too_long_for_bursts(const Pair& pair);

}  // namespace vqscope
