// SPDX-License-Identifier: Apache-2.0
// "HOST:PORT" of an address to listen on, taken apart. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace vqscope {

struct HostPort {
  std::string host;  // without brackets; empty: all addresses
  std::string port;  // a number from 0 to 65535
};

// "HOST:PORT", "[IPV6]:PORT" or ":PORT". An error quotes the text.
Result<HostPort> parse_host_port(std::string_view text);

}  // namespace vqscope
