// SPDX-License-Identifier: Apache-2.0
#include "exporters/page/step_history.h"

#include <zlib.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

namespace vqscope {

namespace {

// A second is some kB and repeats itself at short distances: 8 kB to look back over, and zlib's memory for it is 32 kB
// instead of 268.
constexpr int kWindowBits = 13, kMemoryLevel = 5;
constexpr std::size_t kUnpackedPiece = 16384;

}  // namespace

std::string pack(std::string_view text) {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();  // the parameters are constant, so only memory can be short
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);  // ends in one call, as there is room for the worst case
  out.resize(stream.total_out);
  out.shrink_to_fit();
  deflateEnd(&stream);
  return out;
}

std::string unpack(std::string_view packed) {
  z_stream stream = {};
  if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  int result = Z_OK;
  while (result == Z_OK) {
    out.resize(out.size() + kUnpackedPiece);
    stream.next_out = reinterpret_cast<Bytef*>(out.data()) + stream.total_out;
    stream.avail_out = static_cast<uInt>(out.size() - stream.total_out);
    result = inflate(&stream, Z_NO_FLUSH);
  }
  out.resize(stream.total_out);
  inflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("what was packed cannot be unpacked");
  return out;
}

std::size_t StepHistory::bytes_of(const Entry& entry) { return sizeof(Entry) + entry.packed.capacity(); }

void StepHistory::forget_oldest() {
  bytes_ -= bytes_of(entries_.front());
  entries_.pop_front();
}

std::uint64_t StepHistory::add(std::uint64_t time_ns, std::string packed) {
  entries_.push_back({time_ns, std::move(packed)});
  bytes_ += bytes_of(entries_.back());
  constexpr std::uint64_t kSpanNs = kHistorySeconds * 1'000'000'000;
  while (!entries_.empty() && (entries_.front().time_ns + kSpanNs <= time_ns || bytes_ > kMostHistoryBytes))
    forget_oldest();
  return ++newest_;
}

// Index of the first entry whose number is above `after`.
std::size_t StepHistory::first_after(std::uint64_t after) const {
  const std::uint64_t forgotten = newest_ - entries_.size();
  return static_cast<std::size_t>(std::clamp(after, forgotten, newest_) - forgotten);
}

std::vector<std::string> StepHistory::after(std::uint64_t after, std::size_t most) const {
  std::vector<std::string> texts;
  const std::size_t begin = first_after(after), end = std::min(entries_.size() - begin, most) + begin;
  for (std::size_t i = begin; i < end; ++i) texts.push_back(entries_[i].packed);
  return texts;
}

std::uint64_t StepHistory::last_after(std::uint64_t after, std::size_t most) const {
  const std::size_t begin = first_after(after);
  return newest_ - entries_.size() + begin + std::min(entries_.size() - begin, most);
}

}  // namespace vqscope
