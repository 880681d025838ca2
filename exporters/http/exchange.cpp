// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/exchange.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <exception>
#include <optional>

#include "exporters/http/socket_address.h"

namespace vqscope {

namespace {

constexpr const char* kText = "text/plain; charset=utf-8";

std::string header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value != nullptr ? value : "";
}

std::string peer(MHD_Connection* connection) {
  const auto* const info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return peer_of(info != nullptr ? info->client_addr : nullptr);
}

}  // namespace

// From the first call for a request to completed().
struct Exchange::Request {
  std::atomic<std::optional<PasswordVerdict>> verdict{};  // set by the checker's thread
};

Exchange::Exchange(HttpHandler handler, WebConfigFile* rules)
    : handler_(std::move(handler)),
      rules_(rules),
      checker_(rules != nullptr ? std::make_unique<PasswordChecker>() : nullptr) {}

void Exchange::stop() {
  if (checker_) checker_->stop();
}

MHD_Result Exchange::answer(void* self, MHD_Connection* connection, const char* path, const char* method, const char*,
                            const char*, std::size_t* body_size, void** state) {
  const std::string_view verb = method;
  // Nothing may be thrown through the library's C code.
  try {
    if (*state == nullptr) {
      *state = new Request;
      // The first call comes before the body, if there is one.
      if (verb == MHD_HTTP_METHOD_GET || verb == MHD_HTTP_METHOD_HEAD) return MHD_YES;
    }
    if (*body_size > 0) {  // a body that nobody asked for
      *body_size = 0;
      return MHD_YES;
    }
    return static_cast<Exchange*>(self)->respond(connection, path, method, *static_cast<Request*>(*state));
  } catch (const std::exception& error) {
    spdlog::error("cannot answer a request for {}: {}", path, error.what());
    return MHD_NO;  // closes the connection
  }
}

void Exchange::completed(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
  delete static_cast<Request*>(*state);
  *state = nullptr;
}

MHD_Result Exchange::respond(MHD_Connection* connection, const std::string& path, const std::string& method,
                             Request& request) {
  const auto rules = rules_ != nullptr ? rules_->current() : nullptr;
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD)
    return send(connection, rules.get(),
                {MHD_HTTP_METHOD_NOT_ALLOWED, kText, "only GET and HEAD are answered here\n", false});
  if (rules && rules->users) {
    if (!request.verdict.load() && check_password(connection, *rules, request)) return MHD_YES;  // answered later
    if (request.verdict.load() == PasswordVerdict::kBusy)
      return send(connection, rules.get(),
                  {MHD_HTTP_SERVICE_UNAVAILABLE, kText, "too many passwords wait to be checked\n", false});
    if (request.verdict.load() != PasswordVerdict::kRight)
      return send(connection, rules.get(), {MHD_HTTP_UNAUTHORIZED, kText, "a user and password are needed\n", false});
  }
  return send(connection, rules.get(),
              handler_({path, header(connection, MHD_HTTP_HEADER_ACCEPT),
                        header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING)}));
}

// Either sets the request's verdict, or returns true: the connection is suspended until the checker has set it.
bool Exchange::check_password(MHD_Connection* connection, const WebRules& rules, Request& request) {
  auto credentials = parse_basic_authorization(header(connection, MHD_HTTP_HEADER_AUTHORIZATION));
  if (!credentials) {
    request.verdict = PasswordVerdict::kWrong;
    return false;
  }
  if (rules.users->remembers(*credentials)) {
    request.verdict = PasswordVerdict::kRight;
    return false;
  }
  const auto done = [connection, &request](PasswordVerdict verdict) {
    request.verdict = verdict;
    MHD_resume_connection(connection);
  };
  // First, because the checker may be done before submit() returns.
  MHD_suspend_connection(connection);
  if (!checker_->submit(peer(connection), rules.users, std::move(*credentials), done)) done(PasswordVerdict::kBusy);
  return true;
}

MHD_Result Exchange::send(MHD_Connection* connection, const WebRules* rules, const HttpResponse& response) {
  const auto owned = make_response(unread_, response.body);
  MHD_Response* const raw = owned.get();
  if (raw == nullptr) return MHD_NO;
  MHD_add_response_header(raw, MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  if (response.gzip) MHD_add_response_header(raw, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
  if (response.status == MHD_HTTP_METHOD_NOT_ALLOWED) MHD_add_response_header(raw, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  if (response.status == MHD_HTTP_UNAUTHORIZED)
    MHD_add_response_header(raw, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"vqscope\", charset=\"UTF-8\"");
  if (response.status == MHD_HTTP_SERVICE_UNAVAILABLE) MHD_add_response_header(raw, MHD_HTTP_HEADER_RETRY_AFTER, "5");
  if (rules != nullptr)
    for (const auto& [name, value] : rules->headers) MHD_add_response_header(raw, name.c_str(), value.c_str());
  return MHD_queue_response(connection, static_cast<unsigned>(response.status), raw);
}

}  // namespace vqscope
