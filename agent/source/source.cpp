// SPDX-License-Identifier: Apache-2.0
#include "agent/source/source.h"

namespace vqscope {

Result<DecodedSnapshot> read_one(Source& source) {
  auto read = source.read();
  if (!read) return tl::unexpected(read.error());
  if (!*read) return fail(source.place() + " has no more readings");
  return std::move(**read);
}

}  // namespace vqscope
