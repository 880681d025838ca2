// SPDX-License-Identifier: Apache-2.0
// Protobuf messages, written field by field in the order of their numbers, as libprotobuf itself would
// (https://protobuf.dev/programming-guides/encoding/), but without building them in memory first: a scrape of a large
// guest has some ten thousand. Varints and byte order are libprotobuf's.
#pragma once

#include <google/protobuf/io/coded_stream.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace vqscope {

// Not thread-safe.
class WireWriter {
 public:
  // `expected`: bytes that will be written, about; it costs time if they are more.
  explicit WireWriter(std::size_t expected) : buffer_(expected, '\0'), at_(data()), end_(at_ + buffer_.size()) {}
  WireWriter(const WireWriter&) = delete;
  WireWriter& operator=(const WireWriter&) = delete;

  // What was written. Nothing may be added after it.
  std::string finish() {
    buffer_.resize(size());
    return std::move(buffer_);
  }

  // A field of type uint32, uint64 or enum.
  template <int kField>
  void add_unsigned(std::uint64_t value) {
    make_room(1 + kLongestVarint);
    *at_++ = tag<kField, kVarint>();
    at_ = Stream::WriteVarint64ToArray(value, at_);
  }

  // A field of type sint32 or sint64.
  template <int kField>
  void add_signed(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    add_unsigned<kField>(bits << 1 ^ (value < 0 ? ~std::uint64_t{0} : 0));
  }

  template <int kField>
  void add_double(double value) {
    make_room(1 + sizeof value);
    *at_++ = tag<kField, kFixed64>();
    at_ = Stream::WriteLittleEndian64ToArray(std::bit_cast<std::uint64_t>(value), at_);
  }

  template <int kField>
  void add_string(std::string_view value) {
    make_room(1 + kLongestVarint + value.size());
    *at_++ = tag<kField, kDelimited>();
    at_ = Stream::WriteVarint64ToArray(value.size(), at_);
    std::memcpy(at_, value.data(), value.size());
    at_ += value.size();
  }

  // A field that is a message: `write()` writes its fields.
  template <int kField, typename Write>
  void add_message(Write write) {
    make_room(1);
    *at_++ = tag<kField, kDelimited>();
    add_delimited(write);
  }

  // A message after its length, without a tag.
  template <typename Write>
  void add_delimited(Write write) {
    // Most messages are so short that their length takes a byte; the others make room for more when it is known.
    make_room(1);
    const std::size_t start = size() + 1;
    ++at_;
    write();
    const std::size_t length = size() - start;
    const std::size_t more = Stream::VarintSize64(length) - 1;
    if (more > 0) {
      make_room(more);
      std::memmove(data() + start + more, data() + start, length);
      at_ += more;
    }
    Stream::WriteVarint64ToArray(length, data() + start - 1);
  }

 private:
  using Stream = google::protobuf::io::CodedOutputStream;

  enum WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kDelimited = 2 };
  static constexpr std::size_t kLongestVarint = 10;

  template <int kField, WireType kType>
  static constexpr std::uint8_t tag() {
    static_assert(kField > 0 && kField < 16, "the tag takes one byte");
    return kField << 3 | kType;
  }

  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(buffer_.data()); }
  std::size_t size() { return static_cast<std::size_t>(at_ - data()); }

  // For that many more bytes. Asked for so often that a call would take as long as what it is asked for.
  [[gnu::always_inline]] void make_room(std::size_t more) {
    if (static_cast<std::size_t>(end_ - at_) < more) grow(more);
  }

  [[gnu::noinline]] void grow(std::size_t more) {
    const std::size_t used = size();
    buffer_.resize(2 * buffer_.size() + more);
    at_ = data() + used;
    end_ = data() + buffer_.size();
  }

  std::string buffer_;
  std::uint8_t* at_;  // where the next byte goes
  std::uint8_t* end_;
};

}  // namespace vqscope
