// SPDX-License-Identifier: Apache-2.0
// Pages as they were a moment ago, for those who ask for them at the same time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <optional>

#include "agent/base/clock.h"
#include "exporters/http/body.h"
#include "exporters/prometheus/formats.h"

namespace vqscope {

// A page is given out again for as long as it took to make it, and a tenth of a second at the most. So however many
// ask, making pages takes about half of the time, and nobody's page is older than if the server had been busy for a
// moment. Thread-safe.
class Recent {
 public:
  static constexpr std::uint64_t kLongestNs = 100'000'000;

  // `make()`, which returns the Body, or what it returned a moment ago.
  template <typename Make>
  Body get(Make make) {
    const std::scoped_lock lock(mutex_);
    if (page_ && monotonic_ns() < until_ns_) return *page_;
    const std::uint64_t begin_ns = monotonic_ns();
    page_ = make();
    const std::uint64_t end_ns = monotonic_ns();
    until_ns_ = end_ns + std::min(end_ns - begin_ns, kLongestNs);
    return *page_;
  }

  // Frees the memory of a page that is not given out any more; to be called about once a second.
  void forget() {
    const std::scoped_lock lock(mutex_);
    if (monotonic_ns() >= until_ns_) page_.reset();
  }

 private:
  std::mutex mutex_;
  std::optional<Body> page_;
  std::uint64_t until_ns_ = 0;
};

// The pages that take work. Thread-safe.
class RecentPages {
 public:
  Recent& metrics(Format format, bool gzip) { return metrics_[static_cast<std::size_t>(format)][gzip ? 1 : 0]; }
  Recent& snapshot() { return snapshot_; }

  void forget() {
    for (auto& format : metrics_)
      for (Recent& page : format) page.forget();
    snapshot_.forget();
  }

 private:
  std::array<std::array<Recent, 2>, 3> metrics_;
  Recent snapshot_;
};

}  // namespace vqscope
