// SPDX-License-Identifier: Apache-2.0
// The answers that clients have not read to their end, and how much memory they may hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "exporters/http/body.h"
#include "exporters/http/connections.h"

namespace vqscope {

// Bytes of the answers that are being read, all together: some twenty of a guest with 64 queues, without gzip.
inline constexpr std::size_t kMostUnreadBytes = 32 << 20;

// Knows who reads which body, and counts each body once however many read it. When one more does not fit, those that
// have been read for longest have to go, and so do the connections that read them: so clients that do not read can
// neither fill the memory nor keep others from being answered. Thread-safe.
class UnreadBodies {
 public:
  // A connection; not looked into, and told apart by its address.
  using Reader = Connections::Entry*;

  // `most_bytes`: of all together; a single body may be larger. `end` is called, by the thread that calls begin(), for
  // each reader who has to go, before that reader's end() returns; it must not call back.
  UnreadBodies(std::size_t most_bytes, std::function<void(Reader)> end)
      : most_bytes_(most_bytes), end_(std::move(end)) {}

  // Called for a reader who has ended what it read before.
  void begin(Reader reader, const Body& body);
  // The reader has read the body, or is gone; does nothing if it reads none.
  void end(Reader reader);

  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Unread {
    std::size_t size = 0;
    std::uint64_t number = 0;  // in the order in which they came
    std::size_t readers = 0;
  };
  // By where the bytes are, which stay there for as long as someone reads them.
  using Bodies = std::map<const std::string*, Unread>;

  void make_room(std::size_t size);

  const std::size_t most_bytes_;
  const std::function<void(Reader)> end_;
  mutable std::mutex mutex_;
  // All of these are guarded by mutex_.
  Bodies bodies_;
  std::map<Reader, Bodies::iterator> readers_;
  std::size_t bytes_ = 0;
  std::uint64_t numbers_ = 0;
};

}  // namespace vqscope
