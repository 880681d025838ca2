// SPDX-License-Identifier: Apache-2.0
// Pages that all who ask for them at the same time share.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "agent/base/clock.h"
#include "exporters/http/body.h"
#include "exporters/prometheus/formats.h"

namespace vqscope {

// Whoever asked before a page was begun may be given it, for nothing in it is older than the request. So however many
// wait, it is made once for all of them; and nobody is given what was read before he asked. Thread-safe.
class SharedPage {
 public:
  // What `make()` returns, which is a Body, or returned when it was called last, if that began after `asked_ns` of
  // CLOCK_MONOTONIC, when the request had arrived.
  template <typename Make>
  Body get(std::uint64_t asked_ns, Make make) {
    const std::scoped_lock lock(mutex_);
    given_out_ = true;
    if (page_ && begun_ns_ > asked_ns) return *page_;
    page_.reset();
    begun_ns_ = monotonic_ns();
    page_ = make();
    return *page_;
  }

  // Frees the memory of a page that was not given out since the last call; to be called about once a second. Whoever
  // might still have been given it is given a newer one.
  void forget() {
    const std::scoped_lock lock(mutex_);
    if (!std::exchange(given_out_, false)) page_.reset();
  }

 private:
  std::mutex mutex_;
  std::optional<Body> page_;
  std::uint64_t begun_ns_ = 0;
  bool given_out_ = false;
};

// The pages that take work. Thread-safe.
class SharedPages {
 public:
  SharedPage& metrics(Format format, bool gzip) { return metrics_[static_cast<std::size_t>(format)][gzip ? 1 : 0]; }
  SharedPage& snapshot() { return snapshot_; }

  void forget() {
    for (auto& format : metrics_)
      for (SharedPage& page : format) page.forget();
    snapshot_.forget();
  }

 private:
  std::array<std::array<SharedPage, 2>, 3> metrics_;
  SharedPage snapshot_;
};

}  // namespace vqscope
