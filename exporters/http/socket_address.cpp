// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/socket_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>
// After sys/socket.h, which it needs.
#include <linux/vm_sockets.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>

namespace vqscope {

namespace {

// The address's own type, copied rather than cast: a sockaddr is no object of that type.
template <typename Address>
Address as(const sockaddr* address) {
  Address copy;
  std::memcpy(&copy, address, sizeof copy);
  return copy;
}

std::string internet_address(const sockaddr* address, socklen_t length) {
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (::getnameinfo(address, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "?";
  return address->sa_family == AF_INET6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace

std::string bound_address(int fd) {
  sockaddr_storage storage = {};
  socklen_t length = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  if (::getsockname(fd, address, &length) != 0) return "?";
  if (storage.ss_family == AF_UNIX) {
    const auto local = as<sockaddr_un>(address);
    const std::size_t size = length - offsetof(sockaddr_un, sun_path);
    // A name that begins with a NUL lives in no file system (unix(7)).
    if (size > 1 && local.sun_path[0] == '\0') return "unix:@" + std::string(local.sun_path + 1, size - 1);
    return "unix:" + std::string(local.sun_path, ::strnlen(local.sun_path, sizeof local.sun_path));
  }
  if (storage.ss_family == AF_VSOCK) {
    const auto vsock = as<sockaddr_vm>(address);
    const std::string cid = vsock.svm_cid == VMADDR_CID_ANY ? "" : std::to_string(vsock.svm_cid);
    return fmt::format("vsock://{}:{}", cid, vsock.svm_port);
  }
  return internet_address(address, length);
}

std::string source_of(int fd) {
  sockaddr_storage storage = {};
  socklen_t length = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  if (::getpeername(fd, address, &length) != 0) return "?";
  if (storage.ss_family == AF_VSOCK) return fmt::format("vsock context {}", as<sockaddr_vm>(address).svm_cid);
  if (storage.ss_family == AF_UNIX) {
    ucred peer = {};
    socklen_t size = sizeof peer;
    return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? fmt::format("user {}", peer.uid) : "?";
  }
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET) {
    const auto ip = as<sockaddr_in>(address);
    return ::inet_ntop(AF_INET, &ip.sin_addr, text, sizeof text);
  }
  auto ip = as<sockaddr_in6>(address);
  if (IN6_IS_ADDR_V4MAPPED(&ip.sin6_addr)) return ::inet_ntop(AF_INET, ip.sin6_addr.s6_addr + 12, text, sizeof text);
  std::fill(ip.sin6_addr.s6_addr + 8, std::end(ip.sin6_addr.s6_addr), 0);
  return fmt::format("{}/64", ::inet_ntop(AF_INET6, &ip.sin6_addr, text, sizeof text));
}

Arrival arrival_of(int fd) {
  sockaddr_storage storage = {};
  socklen_t length = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  if (::getsockname(fd, address, &length) != 0) return Arrival::kNetwork;
  if (storage.ss_family == AF_UNIX || storage.ss_family == AF_VSOCK) return Arrival::kWithoutNetwork;
  constexpr unsigned char kLoopbackNetwork = 127;
  if (storage.ss_family == AF_INET) {
    const auto ip = as<sockaddr_in>(address);
    return ntohl(ip.sin_addr.s_addr) >> 24 == kLoopbackNetwork ? Arrival::kLoopback : Arrival::kNetwork;
  }
  if (storage.ss_family != AF_INET6) return Arrival::kNetwork;
  const auto ip = as<sockaddr_in6>(address);
  const bool loopback = IN6_IS_ADDR_LOOPBACK(&ip.sin6_addr) ||
                        (IN6_IS_ADDR_V4MAPPED(&ip.sin6_addr) && ip.sin6_addr.s6_addr[12] == kLoopbackNetwork);
  return loopback ? Arrival::kLoopback : Arrival::kNetwork;
}

}  // namespace vqscope
