// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits.h>
#include <unistd.h>

#include <string>

namespace vqscope {

// Of this machine; empty: not known.
inline std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace vqscope
