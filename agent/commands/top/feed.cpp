// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/top/feed.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace vqscope {

namespace {
// Long enough for a first impression, and short enough to be waited for.
constexpr double kFirstWindowSeconds = 0.3;
}  // namespace

Result<std::unique_ptr<Feed>> Feed::start(Open open, double interval_seconds) {
  Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return fail_errno("cannot make an event");
  std::unique_ptr<Feed> feed(new Feed(std::move(event), interval_seconds));
  feed->thread_ = std::thread([feed = feed.get(), open = std::move(open)] { feed->run(open); });
  return feed;
}

Feed::~Feed() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::vector<Result<DecodedSnapshot>> Feed::take() {
  const std::scoped_lock lock(mutex_);
  eventfd_t count = 0;
  (void)::eventfd_read(event_.get(), &count);  // there may be none
  return std::exchange(taken_, {});
}

std::string Feed::place() const {
  const std::scoped_lock lock(mutex_);
  return place_;
}

bool Feed::failed() const {
  const std::scoped_lock lock(mutex_);
  return failed_;
}

void Feed::set_interval(double seconds) {
  {
    const std::scoped_lock lock(mutex_);
    if (interval_seconds_ == seconds) return;
    interval_seconds_ = seconds;
    interval_changed_ = true;
  }
  changed_.notify_all();
}

void Feed::put(Result<DecodedSnapshot> snapshot) {
  const std::scoped_lock lock(mutex_);
  taken_.push_back(std::move(snapshot));
  (void)::eventfd_write(event_.get(), 1);  // full only if nobody has read for ages
}

bool Feed::wait(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto end = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    changed_.wait_until(lock, end, [this] { return ending_ || interval_changed_; });
    if (ending_) return false;
    if (!std::exchange(interval_changed_, false)) return true;
    seconds = interval_seconds_;
  }
}

void Feed::run(const Open& open) {
  try {
    auto source = open();
    {
      const std::scoped_lock lock(mutex_);
      if (source)
        place_ = (*source)->place();
      else
        failed_ = true;
    }
    if (!source) return put(tl::unexpected(source.error()));
    for (bool first = true;; first = false) {
      put(read_one(**source));
      double seconds = 0;
      {
        const std::scoped_lock lock(mutex_);
        seconds = first ? std::min(interval_seconds_, kFirstWindowSeconds) : interval_seconds_;
      }
      if (!wait(seconds)) return;
    }
  } catch (const std::exception& error) {
    {
      const std::scoped_lock lock(mutex_);
      failed_ = true;
    }
    put(fail(std::string("unexpected failure: ") + error.what()));
  }
}

}  // namespace vqscope
