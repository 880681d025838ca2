// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/unread.h"

#include <algorithm>

namespace vqscope {

void UnreadBodies::begin(Reader reader, const Body& body) {
  const std::scoped_lock lock(mutex_);
  auto found = bodies_.find(&body.bytes());
  if (found == bodies_.end()) {
    make_room(body.bytes().size());
    found = bodies_.emplace(&body.bytes(), Unread{body.bytes().size(), numbers_++, 0}).first;
    bytes_ += found->second.size;
  }
  ++found->second.readers;
  readers_.emplace(reader, found);
}

void UnreadBodies::end(Reader reader) {
  const std::scoped_lock lock(mutex_);
  const auto found = readers_.find(reader);
  if (found == readers_.end()) return;
  const Bodies::iterator body = found->second;
  readers_.erase(found);
  if (--body->second.readers > 0) return;
  bytes_ -= body->second.size;
  bodies_.erase(body);
}

// To be called with the lock.
void UnreadBodies::make_room(std::size_t size) {
  while (!bodies_.empty() && bytes_ + size > most_bytes_) {
    const auto oldest = std::min_element(
        bodies_.begin(), bodies_.end(), [](const auto& a, const auto& b) { return a.second.number < b.second.number; });
    std::erase_if(readers_, [&](const auto& reader) {
      if (reader.second != oldest) return false;
      end_(reader.first);
      return true;
    });
    bytes_ -= oldest->second.size;
    bodies_.erase(oldest);
  }
}

std::size_t UnreadBodies::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

}  // namespace vqscope
