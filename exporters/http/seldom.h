// SPDX-License-Identifier: Apache-2.0
// Keeps what clients can bring about at will from filling the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace vqscope {

// Not thread-safe.
class Seldom {
 public:
  // Something happened. Nothing if it was told less than a minute ago; otherwise how often it happened since then, this
  // time included.
  std::optional<std::uint64_t> tell(std::chrono::steady_clock::time_point now) {
    ++untold_;
    if (last_ && now - *last_ < std::chrono::minutes(1)) return std::nullopt;
    last_ = now;
    return std::exchange(untold_, 0);
  }

 private:
  std::optional<std::chrono::steady_clock::time_point> last_;
  std::uint64_t untold_ = 0;
};

}  // namespace vqscope
