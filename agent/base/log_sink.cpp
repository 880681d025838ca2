// SPDX-License-Identifier: Apache-2.0
#include "agent/base/log_sink.h"

#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace vqscope {

namespace {

// Writes a piece of at most PIPE_BUF bytes, for which a pipe that poll(2) calls writable has room: an empty page. Bytes
// written, or -1 and errno.
ssize_t write_without_waiting(int fd, std::string_view piece) {
  pollfd writable = {fd, POLLOUT, 0};
  const int ready = ::poll(&writable, 1, 0);
  if (ready < 0) return -1;
  if (ready == 0) {
    errno = EAGAIN;
    return -1;
  }
  return ::write(fd, piece.data(), piece.size());  // and fails with the reason if poll(2) has found an error
}

}  // namespace

void LogSink::sink_it_(const spdlog::details::log_msg& message) {
  if (lost_ > 0) {
    const std::string text = fmt::format("{} log message{} could not be written: {}", lost_, lost_ == 1 ? "" : "s",
                                         reason_ == EAGAIN ? "nobody read them" : std::strerror(reason_));
    if (write_formatted({message.time, {}, message.logger_name, spdlog::level::warn, text})) lost_ = 0;
  }
  if (lost_ > 0 || !write_formatted(message)) {
    ++lost_;
    reason_ = errno;
  }
}

bool LogSink::write_formatted(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  return write_line({line.data(), line.size()});
}

bool LogSink::write_line(std::string_view line) {
  const std::string after_broken = broken_line_ ? "\n" + std::string(line) : std::string();
  std::string_view left = broken_line_ ? std::string_view(after_broken) : line;
  while (!left.empty()) {
    const ssize_t written = write_without_waiting(fd_, left.substr(0, PIPE_BUF));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    if (written > 0) broken_line_ = left[static_cast<std::size_t>(written) - 1] != '\n';
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace vqscope
