// SPDX-License-Identifier: Apache-2.0
// Listening sockets that no network leads to; listen_on() calls these.
#pragma once

#include <cstdint>
#include <string_view>

#include "exporters/http/listener.h"

namespace vqscope {

inline constexpr std::string_view kUnixPrefix = "unix:", kVsockPrefix = "vsock://";

// "unix:PATH", with a path that an address of a socket can hold.
Result<void> check_unix_address(std::string_view address);

struct VsockAddress {
  std::uint32_t cid = 0, port = 0;  // as the kernel takes them: all of this machine's, any free one
};

// "vsock://CID:PORT" or "vsock://:PORT"
Result<VsockAddress> parse_vsock_address(std::string_view address);

// "unix:PATH"
Result<Listener> listen_on_unix(std::string_view address, mode_t mode);

// "vsock://CID:PORT"
Result<Listener> listen_on_vsock(std::string_view address);

}  // namespace vqscope
