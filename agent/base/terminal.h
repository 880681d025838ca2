// SPDX-License-Identifier: Apache-2.0
// Colour for people who look at a terminal.
#pragma once

#include <string>
#include <string_view>

namespace vqscope {

enum class Paint { kBold, kDim, kGreen, kYellow, kRed };

// Whether `fd` is a terminal that shows colour, to somebody who has not set NO_COLOR (no-color.org).
bool wants_colour(int fd);

// `text` in that paint, or as it is if `colour` is not set.
std::string paint(std::string_view text, Paint paint, bool colour);

}  // namespace vqscope
