// SPDX-License-Identifier: Apache-2.0
// Accept and Accept-Encoding, which any client sends.
#include <algorithm>
#include <string>

#include "exporters/prometheus/formats.h"
#include "tests/fuzz/fuzz.h"

using vqscope::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view header = vqscope::fuzz::text(data, size);
  require(!vqscope::content_type(vqscope::negotiate_format(header)).empty());
  // Names of encodings and of parameters are case-insensitive (RFC 9110, 8.4.1 and 5.6.6).
  std::string shouted(header);
  std::transform(shouted.begin(), shouted.end(), shouted.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  // The exponent of a number is no name, but from_chars takes both of its letters.
  require(vqscope::accepts_gzip(header) == vqscope::accepts_gzip(shouted));
  return 0;
}
