// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/top/history.h"

#include <algorithm>
#include <utility>

namespace vqscope {

namespace {

// So many are decoded at the most to reach one of them; the first one of a block takes the space of some hundred.
constexpr std::size_t kReadingsPerBlock = 64;

}  // namespace

void History::add(DecodedSnapshot snapshot) {
  const bool anew = !newest_ || !is_same_run(newest_->header, snapshot.header) ||
                    blocks_.back().realtimes_ns.size() >= kReadingsPerBlock;
  if (anew) blocks_.push_back({end_, encoder_.begin(snapshot.header), {}});
  Block& block = blocks_.back();
  const std::size_t before = anew ? 0 : block.bytes.size();
  block.bytes += encoder_.add(snapshot.reading);
  block.realtimes_ns.push_back(realtime_of(snapshot));
  bytes_ += block.bytes.size() - before;
  ++end_;
  newest_ = std::move(snapshot);
  while (bytes_ > most_bytes_ && blocks_.size() > 1) {
    bytes_ -= blocks_.front().bytes.size();
    blocks_.pop_front();
  }
}

const History::Block& History::block_of(std::size_t index) const {
  return *std::prev(std::ranges::upper_bound(blocks_, index, {}, &Block::first));
}

std::uint64_t History::realtime_ns(std::size_t index) const {
  const Block& block = block_of(index);
  return block.realtimes_ns[index - block.first];
}

std::size_t History::at(std::uint64_t realtime_ns) const {
  std::size_t found = begin();
  for (std::size_t index = begin(); index < end_; ++index)
    if (this->realtime_ns(index) <= realtime_ns) found = index;
  return found;
}

Result<void> History::visit(std::size_t first, std::size_t last, const See& see) const {
  first = std::max(first, begin());
  last = std::min(last, end_);
  while (first < last) {
    if (first + 1 == end_) {
      see(first, newest_->header, newest_->reading);
      return {};
    }
    const Block& block = block_of(first);
    auto reader = RecordingReader::from_bytes(block.bytes, "what was kept");
    if (!reader) return tl::unexpected(reader.error());
    const std::size_t end = std::min(last, block.first + block.realtimes_ns.size());
    for (std::size_t index = block.first; index < end; ++index) {
      const auto next = reader->next();
      if (!next) return tl::unexpected(next.error());
      if (!*next) return fail("what was kept of the readings cannot be read again");
      if (index >= first) see(index, (*next)->header, (*next)->reading);
    }
    first = end;
  }
  return {};
}

}  // namespace vqscope
