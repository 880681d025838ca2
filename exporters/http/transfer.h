// SPDX-License-Identifier: Apache-2.0
// A body on its way to one client, as libmicrohttpd calls for it piece by piece.
#pragma once

#include <microhttpd.h>

#include <memory>

#include "exporters/http/body.h"
#include "exporters/http/unread.h"

namespace vqscope {

// Bytes of the answers that are being read, all together: some twenty of a guest with 64 queues, without gzip.
inline constexpr std::size_t kMostUnreadBytes = 32 << 20;

struct ResponseDeleter {
  void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
};

// An answer with this body, shared with all others of `unread` that have the same one. It breaks off when the body is
// dropped to make room. Null: there is no memory.
std::unique_ptr<MHD_Response, ResponseDeleter> make_response(UnreadBodies& unread, const Body& body);

}  // namespace vqscope
