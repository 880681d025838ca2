// SPDX-License-Identifier: Apache-2.0
// Text that others demand to be UTF-8, as protobuf and JSON do. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace vqscope {

// Without overlong forms, surrogates and what is above U+10FFFF (RFC 3629).
bool is_valid_utf8(std::string_view text);

// With U+FFFD in place of each byte that belongs to no character.
std::string with_valid_utf8(std::string text);

}  // namespace vqscope
