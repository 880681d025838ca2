// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/exchange.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include "exporters/http/request_head.h"

namespace vqscope {

namespace {

constexpr const char* kText = "text/plain; charset=utf-8";

// On every answer, unless the configuration says otherwise. The pages need nothing but themselves.
constexpr std::pair<const char*, const char*> kHeaders[] = {
    {"Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "deny"}};

struct Fields {
  std::vector<HeaderField> read;
  bool first = true;
  bool continued = false;
};

// Called for each header field in turn; the first is what begin() put there. Of a field that goes on in the next line
// the library moves the name away from its value, and then has them wrong.
MHD_Result take_field(void* to, MHD_ValueKind, const char* name, std::size_t name_size, const char* value,
                      std::size_t value_size) {
  auto& fields = *static_cast<Fields*>(to);
  if (!std::exchange(fields.first, false)) {
    fields.continued |= std::less<>{}(value, name);
    fields.read.push_back({std::string(name, name_size), std::string(value, value_size)});
  }
  return MHD_YES;
}

}  // namespace

// From its request line to completed().
struct Exchange::Request {
  RequestHead head;
  std::optional<Result<AskedFor>> asked = std::nullopt;   // absent until the head is there
  bool has_turn = false;                                  // or will have it when the library calls again
  std::atomic<std::optional<PasswordVerdict>> verdict{};  // set by the checker's thread
};

Exchange::Exchange(HttpHandler handler, WebConfigFile* rules, Connections& connections, std::vector<std::string> names)
    : handler_(std::move(handler)),
      rules_(rules),
      connections_(connections),
      names_(std::move(names)),
      checker_(rules != nullptr ? std::make_unique<PasswordChecker>() : nullptr) {}

void Exchange::stop() {
  turns_.stop();
  if (checker_) checker_->stop();
}

// Nothing may be thrown through the library's C code, here and below.
void* Exchange::begin(void*, const char* target, MHD_Connection* connection) {
  // The library answers a Content-Length that it dislikes with two heads. So it finds this one first, and ours is the
  // only look at the client's: answer() reads no body, and closes the connection if there is one.
  if (MHD_set_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH, "0") != MHD_YES)
    return nullptr;
  try {
    auto request = std::make_unique<Request>();
    request->head.target = target != nullptr ? target : "";
    return request.release();
  } catch (const std::exception& error) {
    spdlog::error("cannot take a request: {}", error.what());
    return nullptr;
  }
}

// The library calls once when the head is there, and again after the body, of which it knows nothing; and again after
// each time that the connection was suspended. Whatever is answered at the first call is the connection's last answer.
MHD_Result Exchange::answer(void* self, MHD_Connection* connection, const char*, const char* method,
                            const char* version, const char*, std::size_t*, void** state) {
  auto* const request = static_cast<Request*>(*state);
  const Visit* const visit = visit_of(connection);
  if (request == nullptr || visit == nullptr) return MHD_NO;  // closes the connection
  auto& exchange = *static_cast<Exchange*>(self);
  const std::string_view verb = method;
  const bool readable = verb == MHD_HTTP_METHOD_GET || verb == MHD_HTTP_METHOD_HEAD;
  try {
    const auto rules = exchange.rules_ != nullptr ? exchange.rules_->current() : nullptr;
    if (!request->asked) {
      exchange.connections_.asked(visit->entry);
      Fields fields;
      MHD_get_connection_values_n(connection, MHD_HEADER_KIND, &take_field, &fields);
      request->head.version = version;
      request->head.fields = std::move(fields.read);
      request->asked = fields.continued ? fail("a header field goes on in the next line") : understand(request->head);
      if (!*request->asked)
        return exchange.refuse(connection, rules.get(), Refusal::kBadRequest, request->asked->error().message);
      const std::string& host = (*request->asked)->host;
      if (exchange.is_stranger(*visit, rules.get(), host))
        return exchange.refuse(
            connection, rules.get(), Refusal::kHost,
            fmt::format("this is not {0}; if it is, start vqscope serve with --web.allowed-host {0}", host));
      if (!readable)
        return exchange.send(connection, rules.get(),
                             {MHD_HTTP_METHOD_NOT_ALLOWED, kText, "only GET and HEAD are answered here\n", false});
      if ((*request->asked)->has_body)
        return exchange.refuse(connection, rules.get(), Refusal::kBadRequest, "a request for a page has no body");
      return MHD_YES;
    }
    if (exchange.wait_for_turn(connection, *request)) return MHD_YES;
    return exchange.respond(connection, rules.get(), *request);
  } catch (const std::exception& error) {
    spdlog::error("cannot answer a request: {}", error.what());
    return MHD_NO;
  }
}

void Exchange::completed(void* self, MHD_Connection* connection, void** state, MHD_RequestTerminationCode) {
  const std::unique_ptr<Request> request(static_cast<Request*>(std::exchange(*state, nullptr)));
  Visit* const visit = visit_of(connection);
  if (visit == nullptr || !request || !request->asked) return;
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.turns_.end(visit->place);
  exchange.connections_.answered(visit->entry);
}

// Either the request has its turn, or this returns true: the connection is suspended until it has.
bool Exchange::wait_for_turn(MHD_Connection* connection, Request& request) {
  if (std::exchange(request.has_turn, true)) return false;
  Turns::Place& place = visit_of(connection)->place;
  if (turns_.take(place)) return false;
  // First, because its turn may come before wait() returns.
  MHD_suspend_connection(connection);
  turns_.wait(place, [connection] { MHD_resume_connection(connection); });
  return true;
}

bool Exchange::is_stranger(const Visit& visit, const WebRules* rules, const std::string& host) const {
  // A browser that a stranger's page runs in has neither the password nor the certificate.
  const bool known = rules != nullptr && (rules->users || (rules->tls && rules->tls->verifies_all()));
  return visit.on_loopback && !known && !host.empty() && !names_this_machine(host, names_);
}

MHD_Result Exchange::respond(MHD_Connection* connection, const WebRules* rules, Request& request) {
  if (rules != nullptr && rules->users) {
    if (!request.verdict.load() && check_password(connection, *rules, request)) return MHD_YES;  // answered later
    if (request.verdict.load() == PasswordVerdict::kBusy)
      return refuse(connection, rules, Refusal::kBusy, "too many passwords wait to be checked");
    if (request.verdict.load() != PasswordVerdict::kRight)
      return refuse(connection, rules, Refusal::kPassword, "a user and password are needed");
  }
  return send(connection, rules,
              handler_({(*request.asked)->path, request.head.list(MHD_HTTP_HEADER_ACCEPT),
                        request.head.list(MHD_HTTP_HEADER_ACCEPT_ENCODING)}));
}

// Either sets the request's verdict, or returns true: the connection is suspended until the checker has set it.
bool Exchange::check_password(MHD_Connection* connection, const WebRules& rules, Request& request) {
  auto credentials = parse_basic_authorization(request.head.list(MHD_HTTP_HEADER_AUTHORIZATION));
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
  if (!checker_->submit(visit_of(connection)->entry->source(), rules.users, std::move(*credentials), done))
    done(PasswordVerdict::kBusy);
  return true;
}

MHD_Result Exchange::refuse(MHD_Connection* connection, const WebRules* rules, Refusal why,
                            const std::string& sentence) {
  connections_.refused(why);
  const int status = why == Refusal::kBadRequest ? MHD_HTTP_BAD_REQUEST
                     : why == Refusal::kHost     ? MHD_HTTP_MISDIRECTED_REQUEST
                     : why == Refusal::kBusy     ? MHD_HTTP_SERVICE_UNAVAILABLE
                                                 : MHD_HTTP_UNAUTHORIZED;
  return send(connection, rules, {status, kText, sentence + "\n", false});
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
  using Headers = std::vector<std::pair<std::string, std::string>>;
  const Headers configured = rules != nullptr ? rules->headers : Headers();
  for (const auto& usual : kHeaders)
    if (std::none_of(configured.begin(), configured.end(),
                     [&](const auto& other) { return other.first == usual.first; }))
      MHD_add_response_header(raw, usual.first, usual.second);
  for (const auto& [name, value] : configured)
    if (!value.empty()) MHD_add_response_header(raw, name.c_str(), value.c_str());
  return MHD_queue_response(connection, static_cast<unsigned>(response.status), raw);
}

}  // namespace vqscope
