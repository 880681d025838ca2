// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace vqscope {

// Columns of the terminal at `fd`; where there is none, what COLUMNS says; else `otherwise`.
std::size_t terminal_width(int fd, std::size_t otherwise = 80);

}  // namespace vqscope
