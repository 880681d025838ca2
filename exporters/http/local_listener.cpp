// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/local_listener.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
// After sys/socket.h, which it needs.
#include <linux/vm_sockets.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "agent/base/text.h"
#include "exporters/http/socket_address.h"

namespace vqscope {

namespace {

constexpr int kStream = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

// Removes the file of a socket whose owner is gone. An error if there is an owner, or something that is no socket.
Result<void> clear_the_way(const sockaddr_un& address, const std::string& what) {
  struct stat status = {};
  if (::lstat(address.sun_path, &status) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno(what);
  }
  if (!S_ISSOCK(status.st_mode)) return fail(what + ": there is a file of that name, and it is not a socket", EEXIST);
  const Fd probe(::socket(AF_UNIX, kStream, 0));
  if (!probe) return fail_errno(what);
  // A full backlog (EAGAIN) is an owner, too.
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN)
    return fail(what + ": somebody listens there, perhaps another vqscope", EADDRINUSE);
  if (errno != ECONNREFUSED) return fail_errno(what);
  if (::unlink(address.sun_path) != 0) return fail_errno(what + ": cannot remove the socket that nobody listens on");
  return {};
}

}  // namespace

Result<void> check_unix_address(std::string_view text) {
  constexpr std::size_t kLongestPath = sizeof sockaddr_un::sun_path - 1;
  const std::string what = fmt::format("cannot listen on {}", text);
  const std::size_t size = text.size() - kUnixPrefix.size();
  if (size == 0) return fail(what + ": it needs a path, as in unix:/run/vqscope/agent.sock");
  if (size > kLongestPath) return fail(fmt::format("{}: the path is longer than {} bytes", what, kLongestPath));
  return {};
}

Result<Listener> listen_on_unix(std::string_view text, mode_t mode) {
  if (auto checked = check_unix_address(text); !checked) return tl::unexpected(checked.error());
  const std::string what = fmt::format("cannot listen on {}", text);
  const std::string path(text.substr(kUnixPrefix.size()));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  if (auto clear = clear_the_way(address, what); !clear) return tl::unexpected(clear.error());

  Fd fd(::socket(AF_UNIX, kStream, 0));
  if (!fd) return fail_errno(what);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return fail_errno(what);
  SocketFile file(path);
  // Nobody can connect before listen(), so that nobody gets in with a wider mode.
  if (::chmod(address.sun_path, mode) != 0 || ::listen(fd.get(), SOMAXCONN) != 0) return fail_errno(what);
  return Listener{std::move(fd), fmt::format("{}{}", kUnixPrefix, path), std::move(file)};
}

Result<VsockAddress> parse_vsock_address(std::string_view text) {
  const std::string what = fmt::format("'{}' is not an address to listen on", text);
  const std::string_view rest = text.substr(kVsockPrefix.size());
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos) return fail(what + ": it needs a port, as in vsock://:10177");
  const auto port = parse_number<std::uint32_t>(rest.substr(colon + 1));
  if (!port) return fail(what + ": the port must be a number");
  std::optional<std::uint32_t> cid = VMADDR_CID_ANY;
  if (colon > 0) cid = parse_number<std::uint32_t>(rest.substr(0, colon));
  if (!cid) return fail(what + ": the context ID must be a number, or nothing for all of this machine's");
  return VsockAddress{*cid, *port == 0 ? VMADDR_PORT_ANY : *port};
}

Result<Listener> listen_on_vsock(std::string_view text) {
  const auto wanted = parse_vsock_address(text);
  if (!wanted) return tl::unexpected(wanted.error());
  const std::string doing = fmt::format("cannot listen on {}", text);
  Fd fd(::socket(AF_VSOCK, kStream, 0));
  if (!fd && errno == EAFNOSUPPORT)
    return fail(doing +
                    ": this kernel has no vsock (load vmw_vsock_virtio_transport), or systemd forbids it (add "
                    "RestrictAddressFamilies=AF_VSOCK to the unit)",
                EAFNOSUPPORT);
  if (!fd) return fail_errno(doing);
  sockaddr_vm address = {};
  address.svm_family = AF_VSOCK;
  address.svm_cid = wanted->cid;
  address.svm_port = wanted->port;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int code = errno;
    if (code == EADDRNOTAVAIL)
      return fail(
          fmt::format("{}: {} is not a context ID of this machine, or it has no vsock device", doing, wanted->cid),
          code);
    if (code == EADDRINUSE) return fail(doing + ": the port is in use, perhaps by another vqscope", code);
    return fail_errno(doing, code);
  }
  if (::listen(fd.get(), SOMAXCONN) != 0) return fail_errno(doing);
  std::string bound = bound_address(fd.get());
  return Listener{std::move(fd), std::move(bound), {}};
}

}  // namespace vqscope
