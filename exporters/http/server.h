// SPDX-License-Identifier: Apache-2.0
// The HTTP server: libmicrohttpd, one event-driven thread for each listening socket, so that idle or slow clients
// occupy a descriptor each but never a thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "exporters/http/body.h"
#include "exporters/http/connections.h"
#include "exporters/http/listener.h"
#include "exporters/http/web_config_file.h"

namespace vqscope {

struct HttpRequest {
  std::string path;   // without the query
  std::string query;  // without the '?', as it was sent
  std::string accept;
  std::string accept_encoding;
  std::uint64_t asked_ns;       // of CLOCK_MONOTONIC: it had arrived as a whole
  bool from_elsewhere = false;  // see asked_from_elsewhere()
};

struct HttpResponse {
  int status = 200;
  std::string content_type;
  Body body;
  bool gzip = false;                                              // body is compressed
  std::vector<std::pair<std::string, std::string>> headers = {};  // more of them, and in place of the usual ones
};

// Called for GET and HEAD of those who may read, from the servers' threads.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// Owns the listeners, the threads and the connections. How many and how slow connections may be, all listeners
// together, is what connections.h says, and how much memory answers may take what unread.h says. The destructor stops
// the threads, closes all connections and removes unix sockets' files.
class HttpServer {
 public:
  // `rules`: TLS, users and headers, for all listeners; null: plain HTTP that everyone may read. `names`: what this
  // machine is called besides localhost and its addresses, in lower case. Both
  // `rules` and `connections` outlive the server.
  static Result<std::unique_ptr<HttpServer>> create(std::vector<Listener> listeners, WebConfigFile* rules,
                                                    std::vector<std::string> names, Connections& connections,
                                                    HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace vqscope
