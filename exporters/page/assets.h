// SPDX-License-Identifier: Apache-2.0
// The files of exporters/page/site, which the build puts into the binary.
#pragma once

#include <span>
#include <string_view>

namespace vqscope {

struct Asset {
  std::string_view name;  // such as "page.js"
  std::string_view text;
};

std::span<const Asset> assets();

}  // namespace vqscope
