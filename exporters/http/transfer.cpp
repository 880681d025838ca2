// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/transfer.h"

#include <cstring>
#include <string_view>

namespace vqscope {

namespace {

// Each client that is answered has a buffer of this size.
constexpr std::size_t kPiece = 16384;

struct Transfer {
  std::shared_ptr<UnreadBody> unread;
};

// Called when the client has taken the piece before.
ssize_t next_piece(void* context, std::uint64_t position, char* buffer, std::size_t size) {
  const auto& transfer = *static_cast<const Transfer*>(context);
  const auto body = transfer.unread->body();
  if (!body) return MHD_CONTENT_READER_END_WITH_ERROR;
  const std::string_view piece = std::string_view(body->bytes()).substr(position, size);
  std::memcpy(buffer, piece.data(), piece.size());
  return static_cast<ssize_t>(piece.size());
}

void end_transfer(void* context) { delete static_cast<Transfer*>(context); }

}  // namespace

std::unique_ptr<MHD_Response, ResponseDeleter> make_response(UnreadBodies& unread, const Body& body) {
  auto transfer = std::make_unique<Transfer>(Transfer{unread.hold(body)});
  std::unique_ptr<MHD_Response, ResponseDeleter> response(
      MHD_create_response_from_callback(body.bytes().size(), kPiece, &next_piece, transfer.get(), &end_transfer));
  if (response) (void)transfer.release();  // ended with the response
  return response;
}

}  // namespace vqscope
