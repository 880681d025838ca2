// SPDX-License-Identifier: Apache-2.0
// Compression; the witness is zlib's inflate.
#include "exporters/http/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

namespace vqscope {
namespace {

std::string inflate_gzip(const std::string& data, std::size_t size) {
  z_stream stream = {};
  std::string out(size + 1, '\0');  // one more, so that too much is seen
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0U);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(Gzip, InflatesToWhatWasCompressed) {
  std::mt19937_64 random(4);
  std::string noise(300'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  std::string repeated;
  for (int i = 0; i < 20'000; ++i) repeated += "vqscope_queue_inflight{device=\"vda\",queue=\"0\"} 0\n";
  for (const std::string& data : {std::string(), std::string("x"), std::string(1, '\0'), noise, repeated}) {
    const std::string compressed = compress_gzip(data);
    EXPECT_EQ(compressed.substr(0, 2), "\x1f\x8b") << "RFC 1952, 2.3.1";
    EXPECT_EQ(inflate_gzip(compressed, data.size()), data);
  }
  const std::string compressed = compress_gzip(repeated);
  EXPECT_LT(compressed.size(), repeated.size() / 50);
  EXPECT_EQ(compressed.capacity(), compressed.size()) << "what is kept for a slow client is no larger than it counts";
}

}  // namespace
}  // namespace vqscope
