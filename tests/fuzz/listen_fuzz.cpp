// SPDX-License-Identifier: Apache-2.0
// Addresses to listen on, as far as text goes: nothing is resolved or bound.
#include "exporters/http/host_port.h"
#include "tests/fuzz/fuzz.h"

using vqscope::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = vqscope::fuzz::text(data, size);
  const auto address = vqscope::parse_host_port(text);
  if (!address) {
    require(address.error().message.find(text) != std::string::npos);
    return 0;
  }
  // What was accepted is accepted again when it is written out, and means the same.
  const bool brackets = address->host.find(':') != std::string::npos;
  const std::string written = (brackets ? "[" + address->host + "]" : address->host) + ":" + address->port;
  const auto again = vqscope::parse_host_port(written);
  require(again.has_value() && again->host == address->host && again->port == address->port);
  return 0;
}
