// SPDX-License-Identifier: Apache-2.0
// Listening sockets.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace vqscope {

// Owns the file of a unix socket: the destructor removes it.
class SocketFile {
 public:
  SocketFile() = default;
  explicit SocketFile(std::string path) : path_(std::move(path)) {}
  SocketFile(SocketFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  SocketFile& operator=(SocketFile&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~SocketFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  [[nodiscard]] bool exists() const { return !path_.empty(); }

 private:
  std::string path_;  // empty: there is none
};

struct Listener {
  Fd fd;
  std::string address;  // as bound, with the port that port 0 became; see bound_address()
  SocketFile file;      // of a unix socket
};

// What anyone may do with a unix socket that listen_on() makes: connecting to it takes the right to write.
inline constexpr mode_t kDefaultSocketMode = 0660;

// Any of these:
//   "HOST:PORT", "[IPV6]:PORT", or ":PORT" for all addresses of both families. A host name may resolve to several
//       addresses, and each becomes a listener.
//   "unix:PATH". A socket file that nobody listens on any more is replaced.
//   "vsock://:PORT" or "vsock://CID:PORT": from the host and other guests by vsock(7); CID is one of this machine's.
// Port 0 takes any free one.
Result<std::vector<Listener>> listen_on(std::string_view address, mode_t socket_mode = kDefaultSocketMode);

// Fails for a text that is none of these on any machine.
Result<void> check_listen_address(std::string_view address);

// The sockets that systemd passed to this process (sd_listen_fds(3)), each checked to be one that listens. Takes
// LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES out of the environment: call it once, before there are other threads. An
// error if there are none.
Result<std::vector<Listener>> listeners_from_systemd();

}  // namespace vqscope
