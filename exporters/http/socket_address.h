// SPDX-License-Identifier: Apache-2.0
// Addresses of sockets as text. Pure but for the look at a descriptor.
#pragma once

#include <sys/socket.h>

#include <string>

namespace vqscope {

// Where a listening socket can be reached: "127.0.0.1:10177", "[::1]:10177", "unix:/run/x.sock", "vsock://3:10177"
// ("vsock://:10177" for all of this machine's context IDs). "?" if the kernel does not tell.
std::string bound_address(int fd);

// Who a connection comes from, as far as fairness between clients goes: an IPv4 address, the /64 network of an IPv6
// address (whoever has one address of it has all of them), a context ID of vsock; everybody on a unix socket is one.
std::string peer_of(const sockaddr* address);

}  // namespace vqscope
