// SPDX-License-Identifier: Apache-2.0
// The command `vqscope compare`.
#pragma once

#include "agent/commands/compare/options.h"

namespace vqscope {

inline constexpr int kExitWorse = 1;
inline constexpr int kExitNotComparable = 3;
inline constexpr int kExitUnreadable = 4;

// Prints the comparison on standard output, or why there is none on standard error. Returns the exit status: 0 better
// or no difference, or one of the above.
int compare(const CompareOptions& options);

}  // namespace vqscope
