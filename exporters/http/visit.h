// SPDX-License-Identifier: Apache-2.0
// What the server keeps of one connection, from its beginning to its end: libmicrohttpd's "socket context".
#pragma once

#include <microhttpd.h>

#include <optional>
#include <string>
#include <utility>

#include "exporters/http/connections.h"
#include "exporters/http/socket_address.h"
#include "exporters/http/tls_session.h"
#include "exporters/http/turns.h"

namespace vqscope {

struct Visit {
  explicit Visit(std::string source) : place(std::move(source)) {}

  Turns::Place place;
  Connections::Entry* entry = nullptr;
  Arrival arrival = Arrival::kNetwork;
  std::optional<TlsSession> tls;  // absent: plain HTTP
};

// Null: it could not be set up, and is not to be answered.
inline Visit* visit_of(MHD_Connection* connection) {
  const auto* const info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info != nullptr ? static_cast<Visit*>(info->socket_context) : nullptr;
}

}  // namespace vqscope
