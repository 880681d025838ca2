// SPDX-License-Identifier: Apache-2.0
// Addresses of sockets as text. Nothing but looks at descriptors.
#pragma once

#include <string>

namespace vqscope {

// Where a listening socket can be reached: "127.0.0.1:10177", "[::1]:10177", "unix:/run/x.sock", "vsock://3:10177"
// ("vsock://:10177" for all of this machine's context IDs). "?" if the kernel does not tell.
std::string bound_address(int fd);

// Who the connection on `fd` comes from, as far as fairness between clients goes: an IPv4 address, the /64 network of
// an IPv6 address (whoever has one address of it has all of them), a context ID of vsock, a user behind a unix socket.
// "?" if the kernel does not tell.
std::string source_of(int fd);

// What a connection arrived at: an address of the loopback interface, another one, or a unix socket or vsock.
enum class Arrival { kLoopback, kNetwork, kWithoutNetwork };
Arrival arrival_of(int fd);

}  // namespace vqscope
