// SPDX-License-Identifier: Apache-2.0
// Socket activation: the protocol is sd_listen_fds(3)'s.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <cstdlib>
#include <optional>

#include "agent/base/text.h"
#include "exporters/http/listener.h"
#include "exporters/http/socket_address.h"

namespace vqscope {

namespace {

constexpr int kFirstPassed = 3;  // SD_LISTEN_FDS_START

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::optional<int> option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, name, &value, &size) != 0) return std::nullopt;
  return value;
}

Result<Listener> take(int number) {
  const std::string what = fmt::format("descriptor {} from systemd", number);
  // Asked before it is owned: closing what is not there, or not ours, would be our mistake on top.
  if (::fcntl(number, F_GETFD) < 0) return fail_errno("there is no " + what);
  if (option(number, SO_TYPE) != SOCK_STREAM || option(number, SO_ACCEPTCONN) != 1)
    return fail(what +
                " is not a socket that listens for connections; the .socket unit needs ListenStream= and Accept=no");
  Fd fd(number);
  // systemd passes sockets that block and that children inherit.
  const int flags = ::fcntl(number, F_GETFL);
  if (flags < 0 || ::fcntl(number, F_SETFL, flags | O_NONBLOCK) < 0 || ::fcntl(number, F_SETFD, FD_CLOEXEC) < 0)
    return fail_errno("cannot set up " + what);
  std::string address = bound_address(number);
  return Listener{std::move(fd), std::move(address), {}};  // systemd keeps the file of a unix socket
}

}  // namespace

Result<std::vector<Listener>> listeners_from_systemd() {
  const auto pid = parse_number<pid_t>(variable("LISTEN_PID"));
  const auto count = parse_number<int>(variable("LISTEN_FDS"));
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (pid != ::getpid() || !count || *count < 1)
    return fail(
        "--web.systemd-socket: systemd passed no socket to this process; start it by a .socket unit, or leave the "
        "flag out");
  std::vector<Listener> listeners;
  for (int number = kFirstPassed; number - kFirstPassed < *count; ++number) {
    auto listener = take(number);
    if (!listener) return tl::unexpected(listener.error());
    listeners.push_back(std::move(*listener));
  }
  return listeners;
}

}  // namespace vqscope
