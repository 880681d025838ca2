// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vqscope {

// gzip, RFC 1952.
std::string compress_gzip(std::string_view data);

}  // namespace vqscope
