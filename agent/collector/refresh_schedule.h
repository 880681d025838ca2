// SPDX-License-Identifier: Apache-2.0
// When the disks are looked at anew: at once when something changed, but not more than once a second however much
// changes, and always once more after the last change. Pure; times are CLOCK_MONOTONIC. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

namespace vqscope {

class RefreshSchedule {
 public:
  // A look costs some hundred system calls for each disk.
  static constexpr std::uint64_t kGapNs = 1'000'000'000;

  // Something may have changed.
  void ask() { asked_ = true; }

  // Milliseconds until due(), for poll(2): -1 when nothing is asked, 0 when it is due.
  [[nodiscard]] int wait_ms(std::uint64_t now_ns) const {
    if (!asked_) return -1;
    if (!last_ns_ || now_ns >= *last_ns_ + kGapNs) return 0;
    return static_cast<int>((*last_ns_ + kGapNs - now_ns + 999'999) / 1'000'000);
  }

  // Whether to look now; whoever is told so does it.
  bool due(std::uint64_t now_ns) {
    if (wait_ms(now_ns) != 0) return false;
    asked_ = false;
    last_ns_ = now_ns;
    return true;
  }

 private:
  bool asked_ = false;
  std::optional<std::uint64_t> last_ns_;  // absent: not yet
};

}  // namespace vqscope
