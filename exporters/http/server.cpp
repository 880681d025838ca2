// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/server.h"

#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <spdlog/spdlog.h>

#include <cstdarg>
#include <cstdio>
#include <exception>
#include <optional>

#include "agent/base/text.h"
#include "exporters/http/arrivals.h"
#include "exporters/http/connections.h"
#include "exporters/http/exchange.h"
#include "exporters/http/local_listener.h"
#include "exporters/http/socket_address.h"
#include "exporters/http/visit.h"

namespace vqscope {

namespace {

// A connection that neither says nor reads anything for this long is closed; that it does so, but slowly, is what
// Connections looks at.
constexpr unsigned kIdleSeconds = 30;

// Not epoll: the library uses it edge-triggered, and after a short read waits for an edge that never comes if the
// client had hung up by then; such a connection stays until it is idle for too long, and with TLS it spins for as long
// as a handshake waits for its client. A channel of its own wakes the thread when it has to stop: without one the
// library shuts the listening socket, which at the limit of connections it does not watch.
constexpr unsigned kFlags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME;

void log_daemon(void*, const char* format, va_list arguments) {
  char line[1024];
  if (std::vsnprintf(line, sizeof line, format, arguments) > 0) spdlog::debug("http: {}", trim(line));
}

// libmicrohttpd wants to know where certificates come from before there is a connection; follow_connection() replaces
// this, and a connection for which that failed gets none.
int no_certificate(gnutls_session_t, const gnutls_datum_t*, int, const gnutls_pk_algorithm_t*, int, gnutls_pcert_st**,
                   unsigned*, gnutls_privkey_t*) {
  return -1;
}

// Of one listener.
struct Entrance {
  WebConfigFile* tls;  // null: plain HTTP
  Connections& connections;
  std::optional<Arrivals> arrivals;  // absent: nobody is brought along
};

int descriptor_of(MHD_Connection* connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

// Gives a new TLS connection the certificates and rules of this moment, for as long as it lasts.
Result<void> begin_tls(const Entrance& entrance, MHD_Connection* connection, Visit& visit) {
  const auto* const info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  if (info == nullptr || info->tls_session == nullptr) return fail("the library has no TLS session");
  auto* const session = static_cast<gnutls_session_t>(info->tls_session);
  TlsSession& tls = visit.tls.emplace();
  tls.context = entrance.tls->current()->tls;
  tls.on_established = [&connections = entrance.connections, entry = visit.entry] { connections.greeted(entry); };
  follow_handshake(session, tls, tls.context->requires_certificate());
  return tls.context->apply(session);
}

void begin_visit(Entrance& entrance, MHD_Connection* connection, void** kept) {
  const int fd = descriptor_of(connection);
  const std::string source = source_of(fd);
  auto visit = std::make_unique<Visit>(source);
  visit->arrival = arrival_of(fd);
  visit->entry = entrance.connections.began(
      fd, source, entrance.tls != nullptr ? ConnectionState::kHandshake : ConnectionState::kHead);
  auto* const kept_visit = visit.release();
  *kept = kept_visit;
  if (entrance.tls != nullptr)
    if (const auto begun = begin_tls(entrance, connection, *kept_visit); !begun)
      spdlog::error("http: {}", begun.error().message);
  if (entrance.arrivals) entrance.arrivals->began(connection);
}

void end_visit(const Entrance& entrance, MHD_Connection* connection, void* kept) {
  const std::unique_ptr<const Visit> visit(static_cast<Visit*>(kept));
  const std::string source = visit->entry->source();
  if (!entrance.connections.ended(visit->entry) || !visit->tls || visit->tls->established) return;
  const auto* const info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  const std::string why =
      why_handshake_failed(static_cast<gnutls_session_t>(info->tls_session), *visit->tls, descriptor_of(connection));
  if (!why.empty()) entrance.connections.handshake_failed(source, why);
}

// Nothing may be thrown through the library's C code.
void follow_connection(void* context, MHD_Connection* connection, void** kept, MHD_ConnectionNotificationCode event) {
  auto& entrance = *static_cast<Entrance*>(context);
  try {
    if (event == MHD_CONNECTION_NOTIFY_STARTED)
      begin_visit(entrance, connection, kept);
    else if (*kept != nullptr)
      end_visit(entrance, connection, *kept);
  } catch (const std::exception& error) {
    spdlog::error("http: cannot follow a connection: {}", error.what());
  }
}

struct DaemonDeleter {
  void operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }
};

MHD_OptionItem option(MHD_OPTION name, void* pointer) { return {name, 0, pointer}; }
MHD_OptionItem option(MHD_OPTION name, std::size_t value) { return {name, static_cast<std::intptr_t>(value), nullptr}; }

}  // namespace

struct HttpServer::State {
  Exchange exchange;
  std::vector<std::unique_ptr<Entrance>> entrances;
  std::vector<SocketFile> files;
  std::vector<std::unique_ptr<MHD_Daemon, DaemonDeleter>> daemons;
};

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

// A suspended connection would keep its daemon from stopping.
HttpServer::~HttpServer() { state_->exchange.stop(); }

Result<std::unique_ptr<HttpServer>> HttpServer::create(std::vector<Listener> listeners, WebConfigFile* rules,
                                                       std::vector<std::string> names, Connections& connections,
                                                       HttpHandler handler) {
  std::unique_ptr<HttpServer> server(new HttpServer(std::unique_ptr<State>(
      new State{Exchange(std::move(handler), rules, connections, std::move(names)), {}, {}, {}})));
  State& state = *server->state_;
  unsigned flags = kFlags;
  std::vector<MHD_OptionItem> options = {option(MHD_OPTION_CONNECTION_LIMIT, connections.most()),
                                         option(MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds),
                                         option(MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMostHeadBytes + kRoomBesideHead)};
  const bool tls = rules != nullptr && rules->current()->tls != nullptr;
  if (tls) {
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
      return fail("libmicrohttpd of this system was built without TLS; serve without tls_server_config");
    flags |= MHD_USE_TLS;
    options.push_back(option(MHD_OPTION_HTTPS_CERT_CALLBACK, reinterpret_cast<void*>(&no_certificate)));
  }
  options.push_back({MHD_OPTION_END, 0, nullptr});
  for (Listener& listener : listeners) {
    // The library knows of no unix socket but those that it accepts itself that it has no options of TCP.
    const bool local = listener.address.starts_with(kUnixPrefix);
    Entrance* const entrance =
        state.entrances
            .emplace_back(new Entrance{tls ? rules : nullptr, connections,
                                       local ? std::nullopt : std::optional<Arrivals>(connections)})
            .get();
    MHD_Daemon* daemon = MHD_start_daemon(
        flags, 0, nullptr, nullptr, &Exchange::answer, &state.exchange, MHD_OPTION_EXTERNAL_LOGGER, &log_daemon,
        nullptr, MHD_OPTION_URI_LOG_CALLBACK, &Exchange::begin, &state.exchange, MHD_OPTION_LISTEN_SOCKET,
        listener.fd.get(), MHD_OPTION_NOTIFY_COMPLETED, &Exchange::completed, &state.exchange,
        MHD_OPTION_NOTIFY_CONNECTION, &follow_connection, entrance, MHD_OPTION_ARRAY, options.data(), MHD_OPTION_END);
    if (daemon == nullptr) return fail_errno("cannot start the HTTP server on " + listener.address);
    (void)listener.fd.release();  // the daemon closes it
    state.daemons.emplace_back(daemon);
    state.files.push_back(std::move(listener.file));
  }
  return server;
}

}  // namespace vqscope
