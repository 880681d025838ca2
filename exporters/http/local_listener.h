// SPDX-License-Identifier: Apache-2.0
// Listening sockets that no network leads to; listen_on() calls these.
#pragma once

#include <string_view>

#include "exporters/http/listener.h"

namespace vqscope {

inline constexpr std::string_view kUnixPrefix = "unix:", kVsockPrefix = "vsock://";

// "unix:PATH"
Result<Listener> listen_on_unix(std::string_view address, mode_t mode);

// "vsock://CID:PORT"
Result<Listener> listen_on_vsock(std::string_view address);

}  // namespace vqscope
