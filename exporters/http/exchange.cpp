// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/exchange.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstring>
#include <exception>
#include <optional>
#include <utility>

#include "agent/base/clock.h"
#include "exporters/http/answer.h"
#include "exporters/http/request_head.h"

namespace vqscope {

namespace {

constexpr const char* kText = "text/plain; charset=utf-8";

constexpr std::size_t kLineEnd = 2;  // CR and LF

// The library answers with two heads where it dislikes a Content-Length, or has no room to take cookies apart, as those
// that a browser keeps of localhost can be. So it finds these first: of the client's Content-Length ours is the only
// look, because answer() reads no body, and closes the connection if there is one; at cookies nobody looks.
constexpr std::pair<const char*, const char*> kOurFields[] = {{MHD_HTTP_HEADER_CONTENT_LENGTH, "0"},
                                                              {MHD_HTTP_HEADER_COOKIE, "-"}};

// The lines of a head, each of which the library has cut out of what it read, with a NUL in place of CR and of LF.
struct Fields {
  std::vector<HeaderField> read;
  const char* next;  // where the line has to begin that follows the ones before
  bool whole = true;
  std::size_t ours = std::size(kOurFields);  // to come
};

// Called for each header field in turn; the first are what begin() put there.
MHD_Result take_field(void* to, MHD_ValueKind, const char* name, std::size_t name_size, const char* value,
                      std::size_t value_size) {
  auto& fields = *static_cast<Fields*>(to);
  if (fields.ours > 0) {
    --fields.ours;
    return MHD_YES;
  }
  fields.whole &= name == fields.next;
  fields.next = value + value_size + kLineEnd;
  fields.read.push_back({std::string(name, name_size), std::string(value, value_size)});
  return MHD_YES;
}

}  // namespace

// From its request line to completed().
struct Exchange::Request {
  RequestHead head;
  const char* target;                                     // where the library has it
  bool too_large = false;                                 // of the head, see kMostHeadBytes
  std::uint64_t asked_ns = 0;                             // the head was there
  std::optional<Result<AskedFor>> asked = std::nullopt;   // absent until the head is there
  bool has_turn = false;                                  // or will have it when the library calls again
  std::atomic<std::optional<PasswordVerdict>> verdict{};  // set by the checker's thread

  void take_head(MHD_Connection* connection, const char* method, const char* version);
};

Exchange::Exchange(HttpHandler handler, WebConfigFile* rules, Connections& connections, std::vector<std::string> names)
    : handler_(std::move(handler)),
      rules_(rules),
      connections_(connections),
      unread_(kMostUnreadBytes, [&connections](Connections::Entry* reader) { connections.give_way(reader); }),
      names_(std::move(names)),
      checker_(rules != nullptr ? std::make_unique<PasswordChecker>() : nullptr) {}

void Exchange::stop() {
  turns_.stop();
  if (checker_) checker_->stop();
}

// Nothing may be thrown through the library's C code, here and below.
void* Exchange::begin(void*, const char* target, MHD_Connection* connection) {
  try {
    auto request = std::make_unique<Request>();
    if (target == nullptr) target = "";
    request->head.target = request->target = target;
    // Arguments are in the target, and where there is no room for one more the library closes without an answer. It
    // only has found by now where they begin.
    if (const std::size_t query = request->head.target.find('?'); query != std::string::npos)
      const_cast<char*>(target)[query + 1] = '\0';
    for (const auto& [name, value] : kOurFields)
      request->too_large |= MHD_set_connection_value(connection, MHD_HEADER_KIND, name, value) != MHD_YES;
    return request.release();
  } catch (const std::exception& error) {
    spdlog::error("cannot take a request: {}", error.what());
    return nullptr;
  }
}

// What the library took a NUL or a bare LF for is not what others take it for, and of a field that goes on in the next
// line it moves the name away from its value, and then has them wrong. In a head without any of that each line begins
// where the one before it ended.
void Exchange::Request::take_head(MHD_Connection* connection, const char* method, const char* version) {
  Fields fields = {{}, version + std::strlen(version) + kLineEnd};
  MHD_get_connection_values_n(connection, MHD_HEADER_KIND, &take_field, &fields);
  head.version = version;
  head.fields = std::move(fields.read);
  const std::size_t bytes = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
  too_large |= bytes + head.fields.size() * kHeadFieldBytes > kMostHeadBytes;
  const bool whole = target == method + std::strlen(method) + 1 && version == target + head.target.size() + 1 &&
                     fields.whole && fields.next + kLineEnd == method + bytes;
  asked = whole ? understand(head)
                : fail(
                      "the head has a NUL, a line that goes on in the next or does not end in CR LF, or more than one "
                      "space between the parts of its first line");
}

// The library calls once when the head is there, and again after the body, of which it knows nothing; and again after
// each time that the connection was suspended. Whatever is answered at the first call is the connection's last answer.
MHD_Result Exchange::answer(void* self, MHD_Connection* connection, const char*, const char* method,
                            const char* version, const char*, std::size_t*, void** state) {
  auto* const request = static_cast<Request*>(*state);
  const Visit* const visit = visit_of(connection);
  if (request == nullptr || visit == nullptr) return MHD_NO;  // closes the connection
  auto& exchange = *static_cast<Exchange*>(self);
  try {
    const auto rules = exchange.rules_ != nullptr ? exchange.rules_->current() : nullptr;
    if (!request->asked) {
      exchange.connections_.asked(visit->entry);
      request->asked_ns = monotonic_ns();
      request->take_head(connection, method, version);
      return exchange.look_at(connection, rules.get(), *request, method);
    }
    if (exchange.wait_for_turn(connection, *request)) return MHD_YES;
    return exchange.respond(connection, rules.get(), *request);
  } catch (const std::exception& error) {
    spdlog::error("cannot answer a request: {}", error.what());
    return MHD_NO;
  }
}

// Answers a head that gets no page.
MHD_Result Exchange::look_at(MHD_Connection* connection, const WebRules* rules, const Request& request,
                             std::string_view method) {
  const bool head_only = method == MHD_HTTP_METHOD_HEAD;
  if (request.too_large) {
    connections_.refused(Refusal::kBadRequest);
    const int status = request.head.target.size() > kMostHeadBytes / 2 ? MHD_HTTP_URI_TOO_LONG
                                                                       : MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    send_past_library(connection, {status, kText, "the head of the request is too large\n", false}, rules, !head_only);
    return MHD_NO;
  }
  const Result<AskedFor>& asked = *request.asked;
  if (!asked) return refuse(connection, rules, Refusal::kBadRequest, asked.error().message);
  if (is_stranger(*visit_of(connection), rules, asked->host))
    return refuse(
        connection, rules, Refusal::kHost,
        fmt::format("this is not {0}; if it is, start vqscope serve with --web.allowed-host {0}", asked->host));
  if (!head_only && method != MHD_HTTP_METHOD_GET)
    return send(connection, rules,
                {MHD_HTTP_METHOD_NOT_ALLOWED, kText, "only GET and HEAD are answered here\n", false});
  if (asked->has_body) return refuse(connection, rules, Refusal::kBadRequest, "a request for a page has no body");
  return MHD_YES;
}

void Exchange::completed(void* self, MHD_Connection* connection, void** state, MHD_RequestTerminationCode) {
  const std::unique_ptr<Request> request(static_cast<Request*>(std::exchange(*state, nullptr)));
  Visit* const visit = visit_of(connection);
  if (visit == nullptr || !request || !request->asked) return;
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.unread_.end(visit->entry);
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
  if (visit.arrival == Arrival::kNetwork || known || host.empty() || names_this_machine(host, names_)) return false;
  // A bridge can lead browsers to a socket. A stranger's name is below a domain; what clients of sockets make up, not.
  return visit.arrival == Arrival::kLoopback || host.find('.') != std::string::npos;
}

MHD_Result Exchange::respond(MHD_Connection* connection, const WebRules* rules, Request& request) {
  if (rules != nullptr && rules->users) {
    if (!request.verdict.load() && check_password(connection, *rules, request)) return MHD_YES;  // answered later
    if (request.verdict.load() == PasswordVerdict::kBusy)
      return refuse(connection, rules, Refusal::kBusy, "too many passwords wait to be checked");
    if (request.verdict.load() != PasswordVerdict::kRight)
      return refuse(connection, rules, Refusal::kPassword, "a user and password are needed");
  }
  const AskedFor& asked = **request.asked;
  return send(connection, rules,
              handler_({asked.path, asked.query, request.head.list(MHD_HTTP_HEADER_ACCEPT),
                        request.head.list(MHD_HTTP_HEADER_ACCEPT_ENCODING), request.asked_ns,
                        asked_from_elsewhere(request.head, asked)}));
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
  const auto made = make_response(response, rules);
  if (!made) return MHD_NO;
  unread_.begin(visit_of(connection)->entry, response.body);
  return MHD_queue_response(connection, static_cast<unsigned>(response.status), made.get());
}

}  // namespace vqscope
