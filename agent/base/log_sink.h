// SPDX-License-Identifier: Apache-2.0
// Where spdlog's lines go: to a descriptor that may be a file on a full disk, or a pipe that nobody reads.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstdint>
#include <mutex>
#include <string_view>

namespace vqscope {

// Never waits for whoever reads the descriptor, so that measuring and serving do not: a line that does not go out now
// is lost, and the next one that does is preceded by one that says how many were lost and why. Only a pipe that others
// fill at the same moment can still make it wait. Thread-safe.
class LogSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // The descriptor stays the caller's and must outlive the sink. SIGPIPE should be ignored, see
  // secure_standard_streams().
  explicit LogSink(int fd) : fd_(fd) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}  // nothing is kept back

 private:
  bool write_formatted(const spdlog::details::log_msg& message);
  bool write_line(std::string_view line);

  int fd_;
  bool broken_line_ = false;  // the last byte that went out was not the end of a line
  std::uint64_t lost_ = 0;    // lines since the last one that went out
  int reason_ = 0;            // errno of the last one lost
};

}  // namespace vqscope
