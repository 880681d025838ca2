// SPDX-License-Identifier: Apache-2.0
// What commands exit with when they cannot do what was asked.
#pragma once

namespace vqscope {

inline constexpr int kExitFailure = 1;  // could not do what was asked
inline constexpr int kExitUsage = 2;    // the command line makes no sense
inline constexpr int kExitUnknown = 3;  // both, of `doctor`, as monitoring plugins have it

}  // namespace vqscope
