// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/listener.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>

#include "exporters/http/host_port.h"
#include "exporters/http/local_listener.h"
#include "exporters/http/socket_address.h"

namespace vqscope {

namespace {

// Bytes of an answer that may wait in a connection's socket (the kernel takes the double, for its own records). Left to
// itself the kernel lets it grow to megabytes, so a thousand clients who do not read would fill hundreds of them, and
// whoever comes after them would wait until all that is copied.
constexpr int kSendBuffer = 64 << 10;

struct AddressDeleter {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<Listener> open_listener(const addrinfo& address, bool both_families, std::string_view text) {
  const std::string what = fmt::format("cannot listen on {}", text);
  Fd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(what);
  const int on = 1, v6_only = both_families ? 0 : 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return fail_errno(what);
  if (address.ai_family == AF_INET6 && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only) != 0)
    return fail_errno(what);
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer) != 0) return fail_errno(what);
  if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0 || ::listen(fd.get(), SOMAXCONN) != 0) {
    const int code = errno;
    if (code == EADDRINUSE)
      return fail(what + ": the address is in use, perhaps by another vqscope; --web.listen-address chooses another",
                  code);
    return fail_errno(what, code);
  }
  std::string bound = bound_address(fd.get());
  return Listener{std::move(fd), std::move(bound), {}};
}

Result<std::vector<Listener>> open_all(const HostPort& wanted, int family, std::string_view text) {
  const bool all = wanted.host.empty();
  addrinfo hints = {};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(all ? nullptr : wanted.host.c_str(), wanted.port.c_str(), &hints, &found);
  if (error != 0) return fail(fmt::format("cannot listen on {}: {}", text, ::gai_strerror(error)));
  const std::unique_ptr<addrinfo, AddressDeleter> addresses(found);
  std::vector<Listener> listeners;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    auto listener = open_listener(*address, all, text);
    if (!listener) return tl::unexpected(listener.error());
    listeners.push_back(std::move(*listener));
  }
  return listeners;
}

Result<std::vector<Listener>> alone(Result<Listener> listener) {
  if (!listener) return tl::unexpected(listener.error());
  std::vector<Listener> listeners;
  listeners.push_back(std::move(*listener));
  return listeners;
}

}  // namespace

Result<void> check_listen_address(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) return check_unix_address(text);
  if (text.starts_with(kVsockPrefix)) {
    if (const auto wanted = parse_vsock_address(text); !wanted) return tl::unexpected(wanted.error());
    return {};
  }
  if (const auto wanted = parse_host_port(text); !wanted) return tl::unexpected(wanted.error());
  return {};
}

Result<std::vector<Listener>> listen_on(std::string_view text, mode_t socket_mode) {
  if (text.starts_with(kUnixPrefix)) return alone(listen_on_unix(text, socket_mode));
  if (text.starts_with(kVsockPrefix)) return alone(listen_on_vsock(text));
  const auto wanted = parse_host_port(text);
  if (!wanted) return tl::unexpected(wanted.error());
  // All addresses: one IPv6 socket for both families, unless this guest has no IPv6.
  if (!wanted->host.empty()) return open_all(*wanted, AF_UNSPEC, text);
  auto listeners = open_all(*wanted, AF_INET6, text);
  if (!listeners && listeners.error().code == EAFNOSUPPORT) return open_all(*wanted, AF_INET, text);
  return listeners;
}

}  // namespace vqscope
