// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/arrivals.h"

#include <sys/socket.h>

#include <algorithm>

namespace vqscope {

namespace {

// A TLS handshake takes about a millisecond.
constexpr std::size_t kMostBrought = 32;

}  // namespace

void Arrivals::began(MHD_Connection* connection) {
  if (brought_ > 0) {
    --brought_;
    return;
  }
  const auto* const owner = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_DAEMON);
  const auto* const listener = MHD_get_daemon_info(owner->daemon, MHD_DAEMON_INFO_LISTEN_FD);
  const int fd = listener->listen_fd;
  // Before these have begun the library accepts another one itself.
  const std::size_t room = connections_.room();
  while (brought_ + 1 < std::min(room, kMostBrought + 1)) {
    sockaddr_storage storage = {};
    auto* const address = reinterpret_cast<sockaddr*>(&storage);
    socklen_t length = sizeof storage;
    // Any error, if it lasts, meets the library when it accepts the next one itself.
    const int client = ::accept4(fd, address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return;
    // Takes the socket, whether it succeeds or not.
    if (MHD_add_connection(owner->daemon, client, address, length) == MHD_YES) ++brought_;
  }
}

}  // namespace vqscope
