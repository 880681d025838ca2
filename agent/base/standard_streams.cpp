// SPDX-License-Identifier: Apache-2.0
#include "agent/base/standard_streams.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace vqscope {

void secure_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0)  // the lowest free number is the one that open() takes
      (void)::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  (void)std::signal(SIGPIPE, SIG_IGN);
}

namespace {

// False, and errno, if not all of it could be written.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

void tell(std::string_view text) { (void)write_all(STDERR_FILENO, text); }

Result<void> print(std::string_view text) {
  if (!write_all(STDOUT_FILENO, text)) return fail_errno("cannot write to standard output");
  return {};
}

void complain(std::string_view message) { tell(fmt::format("vqscope: {}\n", message)); }

}  // namespace vqscope
