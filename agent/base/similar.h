// SPDX-License-Identifier: Apache-2.0
// What somebody who mistyped a word may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vqscope {

// "; did you mean 'doctor'?" with the candidate that is nearest to `word`, or nothing when none is near. Upper and
// lower case, "-" and "_" count as the same.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace vqscope
