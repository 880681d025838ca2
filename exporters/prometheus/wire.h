// SPDX-License-Identifier: Apache-2.0
// Fields of protobuf messages, written one after the other in the order of their numbers, as libprotobuf itself would
// (https://protobuf.dev/programming-guides/encoding/), but without building the messages first: a scrape has some ten
// thousand of them. Varints and byte order are libprotobuf's.
#pragma once

#include <google/protobuf/io/coded_stream.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace vqscope {

// The fields of one message. Not thread-safe.
class Fields {
 public:
  [[nodiscard]] std::string_view bytes() const {
    return {reinterpret_cast<const char*>(buffer_.data()), static_cast<std::size_t>(size_)};
  }

  // Keeps the memory for the next message.
  void clear() { size_ = 0; }

  // Of type uint32, uint64 or enum.
  void add_unsigned(int field, std::uint64_t value) {
    std::uint8_t* to = room(kLongestTag + kLongestVarint);
    to = Stream::WriteVarint32ToArray(tag(field, kVarint), to);
    close(Stream::WriteVarint64ToArray(value, to));
  }

  // Of type sint32 or sint64.
  void add_signed(int field, std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    add_unsigned(field, bits << 1 ^ (value < 0 ? ~std::uint64_t{0} : 0));
  }

  void add_double(int field, double value) {
    std::uint8_t* to = room(kLongestTag + sizeof value);
    to = Stream::WriteVarint32ToArray(tag(field, kFixed64), to);
    close(Stream::WriteLittleEndian64ToArray(std::bit_cast<std::uint64_t>(value), to));
  }

  // Of type string, or a message.
  void add_bytes(int field, std::string_view value) {
    std::uint8_t* to = room(kLongestTag + kLongestVarint + value.size());
    to = Stream::WriteVarint32ToArray(tag(field, kDelimited), to);
    to = Stream::WriteVarint64ToArray(value.size(), to);
    close(Stream::WriteRawToArray(value.data(), static_cast<int>(value.size()), to));
  }

 private:
  using Stream = google::protobuf::io::CodedOutputStream;

  enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kDelimited = 2 };
  static constexpr std::size_t kLongestTag = 5, kLongestVarint = 10;

  static constexpr std::uint32_t tag(int field, WireType type) { return static_cast<std::uint32_t>(field) << 3 | type; }

  // Where the next bytes go, with room for `more` of them.
  std::uint8_t* room(std::size_t more) {
    if (buffer_.size() - size_ < more) buffer_.resize(2 * buffer_.size() + more);
    return buffer_.data() + size_;
  }
  void close(const std::uint8_t* end) { size_ = static_cast<std::size_t>(end - buffer_.data()); }

  std::vector<std::uint8_t> buffer_;
  std::size_t size_ = 0;  // used of the buffer
};

}  // namespace vqscope
