// SPDX-License-Identifier: Apache-2.0
#include "agent/base/memory.h"

#include <malloc.h>

namespace vqscope {

void keep_freed_memory() {
  constexpr int kKept = 4 << 20;
  ::mallopt(M_TRIM_THRESHOLD, kKept);
  ::mallopt(M_MMAP_THRESHOLD, kKept);  // larger pieces are mappings of their own, and given back when they are freed
  ::mallopt(M_ARENA_MAX, 1);
}

}  // namespace vqscope
