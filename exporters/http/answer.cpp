// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/answer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gnutls/gnutls.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

namespace vqscope {

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

// On every answer, unless it or the configuration says otherwise.
constexpr std::pair<const char*, const char*> kUsual[] = {
    {"Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "deny"}};

// Without those that tell of the connection and of the body's length.
Headers headers_of(const HttpResponse& response, const WebRules* rules) {
  Headers headers = {{MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type}};
  if (response.gzip) headers.emplace_back(MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
  if (response.status == MHD_HTTP_METHOD_NOT_ALLOWED) headers.emplace_back(MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  if (response.status == MHD_HTTP_UNAUTHORIZED)
    headers.emplace_back(MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"vqscope\", charset=\"UTF-8\"");
  if (response.status == MHD_HTTP_SERVICE_UNAVAILABLE) headers.emplace_back(MHD_HTTP_HEADER_RETRY_AFTER, "5");
  const Headers configured = rules != nullptr ? rules->headers : Headers();
  const auto has = [](const Headers& others, const auto& header) {
    return std::any_of(others.begin(), others.end(), [&](const auto& other) { return other.first == header.first; });
  };
  for (const auto& usual : kUsual)
    if (!has(response.headers, usual) && !has(configured, usual)) headers.emplace_back(usual);
  for (const auto& header : response.headers)
    if (!has(configured, header)) headers.push_back(header);
  for (const auto& header : configured)
    if (!header.second.empty()) headers.push_back(header);
  return headers;
}

}  // namespace

std::unique_ptr<MHD_Response, ResponseDeleter> make_response(const HttpResponse& response, const WebRules* rules) {
  auto kept = std::make_unique<Body>(response.body);
  const std::string& bytes = kept->bytes();
  std::unique_ptr<MHD_Response, ResponseDeleter> made(MHD_create_response_from_buffer_with_free_callback_cls(
      bytes.size(), const_cast<char*>(bytes.data()), [](void* body) { delete static_cast<Body*>(body); }, kept.get()));
  if (!made) return nullptr;
  (void)kept.release();  // freed with the response
  for (const auto& [name, value] : headers_of(response, rules))
    MHD_add_response_header(made.get(), name.c_str(), value.c_str());
  return made;
}

void send_past_library(MHD_Connection* connection, const HttpResponse& response, const WebRules* rules,
                       bool with_body) {
  const std::string& body = response.body.bytes();
  std::string answer =
      fmt::format("HTTP/1.1 {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", response.status,
                  MHD_get_reason_phrase_for(static_cast<unsigned>(response.status)), fmt::gmtime(std::time(nullptr)));
  for (const auto& [name, value] : headers_of(response, rules)) answer += fmt::format("{}: {}\r\n", name, value);
  answer += fmt::format("Connection: close\r\nContent-Length: {}\r\n\r\n{}", body.size(), with_body ? body : "");
  const auto* const tls = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  if (tls != nullptr && tls->tls_session != nullptr) {
    gnutls_record_send(static_cast<gnutls_session_t>(tls->tls_session), answer.data(), answer.size());
  } else {
    const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

}  // namespace vqscope
