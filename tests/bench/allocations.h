// SPDX-License-Identifier: Apache-2.0
// Counts what C++ code of the whole program, libraries included, takes with operator new; zlib does not use it.
#pragma once

#include <cstddef>

namespace vqscope {

struct Allocations {
  std::size_t count = 0, bytes = 0;
};

// Since the program began. Thread-safe.
Allocations allocations();

}  // namespace vqscope
