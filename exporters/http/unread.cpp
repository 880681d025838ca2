// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/unread.h"

namespace vqscope {

std::shared_ptr<UnreadBody> UnreadBodies::hold(const Body& body) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(bodies_, [](const auto& held) { return held.expired(); });
  std::size_t bytes = body.bytes().size();
  for (const auto& weak : bodies_) {
    auto held = weak.lock();
    const auto other = held ? held->body() : std::nullopt;
    if (!other) continue;
    if (other->shares_with(body)) return held;
    bytes += held->size();
  }
  for (; bytes > most_bytes_ && !bodies_.empty(); bodies_.pop_front()) {
    const auto oldest = bodies_.front().lock();
    if (!oldest) continue;
    bytes -= oldest->size();
    oldest->drop();
  }
  auto held = std::make_shared<UnreadBody>(body);
  bodies_.push_back(held);
  return held;
}

}  // namespace vqscope
