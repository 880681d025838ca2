// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/server.h"

#include <microhttpd.h>
#include <spdlog/spdlog.h>

#include <cstdarg>
#include <cstdio>
#include <exception>

#include "agent/base/text.h"
#include "exporters/http/limits.h"
#include "exporters/http/transfer.h"

namespace vqscope {

// What all listeners share.
struct HttpService {
  HttpHandler handler;
  UnreadBodies unread;
};

namespace {

// A connection that says nothing for this long is closed.
constexpr unsigned kIdleSeconds = 30;
// Request line and headers together; a larger request is answered 431 or 414.
constexpr std::size_t kMaxRequest = 16384;

// Not epoll: the library uses it edge-triggered, and after a short read waits for an edge that never comes if the
// client had hung up by then; such a connection stays until it is idle for too long. A channel of its own wakes the
// thread when it has to stop: without one the library shuts the listening socket, which at the limit of connections it
// does not watch.
constexpr unsigned kFlags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG;

void log_daemon(void*, const char* format, va_list arguments) {
  char line[1024];
  if (std::vsnprintf(line, sizeof line, format, arguments) > 0) spdlog::debug("http: {}", trim(line));
}

std::string header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value != nullptr ? value : "";
}

MHD_Result send(MHD_Connection* connection, UnreadBodies& unread, const HttpResponse& response) {
  const auto owned = make_response(unread, response.body);
  MHD_Response* raw = owned.get();
  if (raw == nullptr) return MHD_NO;
  MHD_add_response_header(raw, MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  if (response.gzip) MHD_add_response_header(raw, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
  if (response.status == MHD_HTTP_METHOD_NOT_ALLOWED) MHD_add_response_header(raw, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  return MHD_queue_response(connection, static_cast<unsigned>(response.status), raw);
}

MHD_Result answer(void* context, MHD_Connection* connection, const char* path, const char* method, const char*,
                  const char*, std::size_t* upload_size, void** state) {
  static char headers_seen;
  const std::string_view verb = method;
  const bool readable = verb == MHD_HTTP_METHOD_GET || verb == MHD_HTTP_METHOD_HEAD;
  if (*state == nullptr && readable) {  // the first call comes before the body, if there is one
    *state = &headers_seen;
    return MHD_YES;
  }
  if (*upload_size > 0) {  // a body that nobody asked for
    *upload_size = 0;
    return MHD_YES;
  }
  auto& service = *static_cast<HttpService*>(context);
  // Nothing may be thrown through the library's C code.
  try {
    const std::string text = "text/plain; charset=utf-8";
    if (!readable)
      return send(connection, service.unread,
                  {MHD_HTTP_METHOD_NOT_ALLOWED, text, "only GET and HEAD are answered here\n", false});
    return send(connection, service.unread,
                service.handler({path, header(connection, MHD_HTTP_HEADER_ACCEPT),
                                 header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING)}));
  } catch (const std::exception& error) {
    spdlog::error("cannot answer a request for {}: {}", path, error.what());
    return MHD_NO;  // closes the connection
  }
}

struct DaemonDeleter {
  void operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }
};

}  // namespace

struct HttpServer::Daemons {
  std::vector<std::unique_ptr<MHD_Daemon, DaemonDeleter>> list;
};

HttpServer::HttpServer(HttpHandler handler)
    : service_(new HttpService{std::move(handler), UnreadBodies(kMostUnreadBytes)}),
      daemons_(std::make_unique<Daemons>()) {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::create(std::vector<Listener> listeners, HttpHandler handler) {
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(handler)));
  const unsigned connections = connections_per_listener(descriptor_limit(), listeners.size());
  for (Listener& listener : listeners) {
    MHD_Daemon* daemon = MHD_start_daemon(
        kFlags, 0, nullptr, nullptr, &answer, server->service_.get(), MHD_OPTION_EXTERNAL_LOGGER, &log_daemon, nullptr,
        MHD_OPTION_LISTEN_SOCKET, listener.fd.get(), MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMaxRequest, MHD_OPTION_END);
    if (daemon == nullptr) return fail_errno("cannot start the HTTP server on " + listener.address);
    (void)listener.fd.release();  // the daemon closes it
    server->daemons_->list.emplace_back(daemon);
  }
  return server;
}

}  // namespace vqscope
