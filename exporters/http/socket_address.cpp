// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/socket_address.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>
// After sys/socket.h, which it needs.
#include <linux/vm_sockets.h>

#include <cstddef>
#include <cstring>

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

std::string peer_of(const sockaddr* address) {
  if (address == nullptr) return "?";
  const auto bytes = [](const void* data, std::size_t size) {
    return std::string(static_cast<const char*>(data), size);
  };
  switch (address->sa_family) {
    case AF_INET: {
      const auto ip = as<sockaddr_in>(address);
      return "4" + bytes(&ip.sin_addr, sizeof ip.sin_addr);
    }
    case AF_INET6: {
      const auto ip = as<sockaddr_in6>(address);
      if (IN6_IS_ADDR_V4MAPPED(&ip.sin6_addr)) return "4" + bytes(ip.sin6_addr.s6_addr + 12, 4);
      return "6" + bytes(&ip.sin6_addr, 8);
    }
    case AF_VSOCK: return "v" + std::to_string(as<sockaddr_vm>(address).svm_cid);
    default: return "u";
  }
}

}  // namespace vqscope
