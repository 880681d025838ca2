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

// Fields that are put where there is room for them; each returns where the next one goes.
namespace wire {

using Stream = google::protobuf::io::CodedOutputStream;

enum Type : std::uint8_t { kVarint = 0, kFixed64 = 1, kDelimited = 2 };

// Of a field that is a number, tag included.
constexpr std::size_t kLongestNumber = 11;

template <int kField, Type kType>
constexpr std::uint8_t tag() {
  static_assert(kField > 0 && kField < 16, "the tag takes one byte");
  return kField << 3 | kType;
}

// Of type uint32, uint64 or enum.
template <int kField>
std::uint8_t* put_unsigned(std::uint8_t* to, std::uint64_t value) {
  *to++ = tag<kField, kVarint>();
  return Stream::WriteVarint64ToArray(value, to);
}

// Of type sint32 or sint64.
template <int kField>
std::uint8_t* put_signed(std::uint8_t* to, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return put_unsigned<kField>(to, bits << 1 ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

template <int kField>
std::uint8_t* put_double(std::uint8_t* to, double value) {
  *to++ = tag<kField, kFixed64>();
  return Stream::WriteLittleEndian64ToArray(std::bit_cast<std::uint64_t>(value), to);
}

template <int kField>
std::uint8_t* put_string(std::uint8_t* to, std::string_view value) {
  *to++ = tag<kField, kDelimited>();
  to = Stream::WriteVarint64ToArray(value.size(), to);
  std::memcpy(to, value.data(), value.size());
  return to + value.size();
}

// A message of less than 128 bytes. `put(to)` puts its fields.
template <int kField, typename Put>
std::uint8_t* put_short_message(std::uint8_t* to, Put put) {
  *to = tag<kField, kDelimited>();
  std::uint8_t* const end = put(to + 2);
  to[1] = static_cast<std::uint8_t>(end - (to + 2));
  return end;
}

}  // namespace wire

// What is written grows as it has to. Not thread-safe.
class WireWriter {
 public:
  // `expected`: bytes that will be written, about; it costs time if they are more.
  explicit WireWriter(std::size_t expected) : buffer_(expected, '\0') {}

  // Where the next fields go, with room for that many bytes; to be closed before anything else is called.
  std::uint8_t* room(std::size_t bytes) {
    if (buffer_.size() - size_ < bytes) buffer_.resize(2 * buffer_.size() + bytes);
    return data() + size_;
  }
  void close(const std::uint8_t* end) { size_ = static_cast<std::size_t>(end - data()); }

  // A message after its length, without a tag: `write()` writes its fields. `length_bytes`: how many the length will
  // take, probably; the message is moved if they are not.
  template <typename Write>
  void add_delimited(std::size_t length_bytes, Write write) {
    close(room(length_bytes) + length_bytes);
    const std::size_t start = size_;
    write();
    const std::size_t length = size_ - start, needed = wire::Stream::VarintSize64(length);
    if (needed != length_bytes) {
      room(needed);
      std::memmove(data() + start - length_bytes + needed, data() + start, length);
      size_ += needed - length_bytes;
    }
    wire::Stream::WriteVarint64ToArray(length, data() + start - length_bytes);
  }

  // The same as a field.
  template <int kField, typename Write>
  void add_message(std::size_t length_bytes, Write write) {
    std::uint8_t* const to = room(1);
    *to = wire::tag<kField, wire::kDelimited>();
    close(to + 1);
    add_delimited(length_bytes, write);
  }

  // What was written. Nothing may be added after it.
  std::string finish() {
    buffer_.resize(size_);
    return std::move(buffer_);
  }

 private:
  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(buffer_.data()); }

  std::string buffer_;
  std::size_t size_ = 0;  // used of the buffer
};

}  // namespace vqscope
