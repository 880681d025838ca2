// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/turns.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace vqscope {

namespace {

void call(const std::vector<Turns::Begin>& begins) {
  for (const Turns::Begin& begin : begins) begin();
}

}  // namespace

Turns::Turns(std::chrono::milliseconds counted) : longest_(counted), watcher_([this] { watch(); }) {}

Turns::~Turns() { stop(); }

bool Turns::take(Place& place, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (!stopping_ && (waiting_ > 0 || !counted_.empty() || last_ > now - kPause)) return false;
  begin(place, sources_[place.source_], now);
  return true;
}

void Turns::wait(Place& place, Begin begin) {
  std::vector<Begin> begins;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    sources_[place.source_].waiting.emplace(place.last_, Source::Waiting{&place, std::move(begin)});
    first = waiting_++ == 0;
    begins = next(Clock::now());
  }
  if (first) changed_.notify_one();
  call(begins);
}

void Turns::end(Place& place, Clock::time_point now) {
  std::vector<Begin> begins;
  {
    const std::lock_guard lock(mutex_);
    if (!place.counted_) return;
    leave(place);
    last_ = std::max(last_, now);
    begins = next(now);
  }
  call(begins);
}

void Turns::look(Clock::time_point now) {
  std::vector<Begin> begins;
  {
    const std::lock_guard lock(mutex_);
    while (!counted_.empty() && now - counted_.front()->last_ >= longest_) leave(*counted_.front());
    begins = next(now);
  }
  call(begins);
}

void Turns::stop() {
  std::vector<Begin> begins;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    begins = next(Clock::now());
  }
  changed_.notify_one();
  if (watcher_.joinable()) watcher_.join();
  call(begins);
}

// These four are to be called with the lock.

void Turns::begin(Place& place, Source& source, Clock::time_point now) {
  place.last_ = source.last = last_ = now;
  place.counted_ = true;
  ++source.counted;
  counted_.push_back(&place);
}

void Turns::leave(Place& place) {
  place.counted_ = false;
  counted_.remove(&place);
  const auto source = sources_.find(place.source_);
  if (--source->second.counted == 0 && source->second.waiting.empty()) sources_.erase(source);
}

// Those whose turn it is now, to be called without the lock.
std::vector<Turns::Begin> Turns::next(Clock::time_point now) {
  std::vector<Begin> begins;
  while (waiting_ > 0 && (stopping_ || counted_.size() < kAtOnce)) {
    Source& source = least()->second;
    auto [place, called] = std::move(source.waiting.begin()->second);
    source.waiting.erase(source.waiting.begin());
    --waiting_;
    begin(*place, source, now);
    begins.push_back(std::move(called));
  }
  return begins;
}

// Of those that wait.
Turns::Sources::iterator Turns::least() {
  const auto rank = [](const Sources::value_type& source) {
    return std::tuple(source.second.waiting.empty(), source.second.counted, source.second.last);
  };
  return std::min_element(sources_.begin(), sources_.end(),
                          [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

void Turns::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (waiting_ == 0 || counted_.empty()) {
      changed_.wait(lock, [this] { return stopping_ || (waiting_ > 0 && !counted_.empty()); });
      continue;
    }
    changed_.wait_until(lock, counted_.front()->last_ + longest_, [this] { return stopping_ || waiting_ == 0; });
    lock.unlock();
    look(Clock::now());
    lock.lock();
  }
}

}  // namespace vqscope
