// SPDX-License-Identifier: Apache-2.0
// How clients that come at once get in.
#pragma once

#include <microhttpd.h>

#include "exporters/http/connections.h"

namespace vqscope {

// libmicrohttpd accepts one connection in each round of its loop, and looks at every connection in a round: a thousand
// that come at once take a thousand rounds, longer ones as it goes, and whoever comes last waits for all of them. So
// each connection that the library accepts brings along some of those that wait behind it. Not all: a round is as long
// as the handshakes in it, and those that are in already wait for its end.
//
// Owns nothing. For one daemon, and only its thread may call.
class Arrivals {
 public:
  // Those above the limit of `connections`, which outlives this, stay in the kernel's queue for a moment.
  explicit Arrivals(const Connections& connections) : connections_(connections) {}

  // To be called for each MHD_CONNECTION_NOTIFY_STARTED, after the connection was counted.
  void began(MHD_Connection* connection);

 private:
  const Connections& connections_;
  std::size_t brought_ = 0;  // connections that were brought along and have not begun yet
};

}  // namespace vqscope
