// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share. Each target is one parser, or a few that read the same kind of text, fed by libFuzzer
// (https://llvm.org/docs/LibFuzzer.html) under AddressSanitizer and UndefinedBehaviorSanitizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vqscope::fuzz {

// What has to hold of whatever a parser made of its input; libFuzzer keeps the input for which it does not.
inline void require(bool holds) {
  if (!holds) __builtin_trap();
}

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace vqscope::fuzz

// libFuzzer calls this; it returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
