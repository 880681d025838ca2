// SPDX-License-Identifier: Apache-2.0
// The HTTP server: libmicrohttpd, one event-driven thread for each listening socket, so that idle or slow clients
// occupy a descriptor each but never a thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "exporters/http/body.h"
#include "exporters/http/listener.h"

namespace vqscope {

struct HttpRequest {
  std::string path;  // without the query
  std::string accept;
  std::string accept_encoding;
};

struct HttpResponse {
  int status = 200;
  std::string content_type;
  Body body;
  bool gzip = false;  // body is compressed
};

// Called for GET and HEAD, from the servers' threads.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

struct HttpService;

// Connections are bounded by the process's limit of descriptors (limits.h), and the memory that answers take by what
// unread.h says; a client that has not read its answer after a minute is cut off. The destructor stops the threads and
// closes all connections.
class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> create(std::vector<Listener> listeners, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

 private:
  struct Daemons;
  explicit HttpServer(HttpHandler handler);

  std::unique_ptr<HttpService> service_;
  std::unique_ptr<Daemons> daemons_;  // stopped before the service goes
};

}  // namespace vqscope
