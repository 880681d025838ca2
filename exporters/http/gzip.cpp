// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/gzip.h"

#include <zlib.h>

#include <new>

namespace vqscope {

std::string compress_gzip(std::string_view data) {
  z_stream stream = {};
  constexpr int kGzipWindow = 15 + 16;  // the largest window, in gzip's wrapping
  // A scrape repeats itself so much that the fastest level comes within a few percent of the best.
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();  // the parameters are constant, so only memory can be short
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);  // ends in one call, as there is room for the worst case
  out.resize(stream.total_out);
  out.shrink_to_fit();  // it may be kept for a while, and the worst case is some twenty times as large
  deflateEnd(&stream);
  return out;
}

}  // namespace vqscope
