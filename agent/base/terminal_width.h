// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace vqscope {

// Columns of the terminal at `fd`; where there is none, what COLUMNS says; else 80.
std::size_t terminal_width(int fd);

}  // namespace vqscope
