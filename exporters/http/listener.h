// SPDX-License-Identifier: Apache-2.0
// Listening sockets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace vqscope {

struct Listener {
  Fd fd;
  std::string address;  // as bound, with the port that port 0 became: "127.0.0.1:10177", "[::1]:10177"
};

// "HOST:PORT", "[IPV6]:PORT", or ":PORT" for all addresses of both families; port 0 takes any free one. A host name
// may resolve to several addresses, and each becomes a listener.
Result<std::vector<Listener>> listen_on(std::string_view address);

}  // namespace vqscope
