// SPDX-License-Identifier: Apache-2.0
// The answers that clients have not read to their end, and how much memory they may hold.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "exporters/http/body.h"

namespace vqscope {

// A body on its way to clients, until it is dropped to make room. Thread-safe.
class UnreadBody {
 public:
  explicit UnreadBody(Body body) : size_(body.bytes().size()), body_(std::move(body)) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  // nullopt once it was dropped. The body lives for as long as someone has a copy: drop that soon.
  [[nodiscard]] std::optional<Body> body() const {
    const std::scoped_lock lock(mutex_);
    return body_;
  }
  void drop() {
    const std::scoped_lock lock(mutex_);
    body_.reset();
  }

 private:
  const std::size_t size_;
  mutable std::mutex mutex_;
  std::optional<Body> body_;
};

// Holds what clients read, each body once however many read it. When one more does not fit, those that have been read
// for longest are dropped: so clients that do not read can neither fill the memory nor keep others from being answered.
// Thread-safe.
class UnreadBodies {
 public:
  // `most_bytes`: of all together; a single body may be larger.
  explicit UnreadBodies(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // The body is held for as long as the caller, or another for the same body, keeps the result.
  std::shared_ptr<UnreadBody> hold(const Body& body);

 private:
  const std::size_t most_bytes_;
  std::mutex mutex_;
  std::deque<std::weak_ptr<UnreadBody>> bodies_;  // oldest first
};

}  // namespace vqscope
