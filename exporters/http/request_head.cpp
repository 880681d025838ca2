// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/request_head.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "agent/base/text.h"

namespace vqscope {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) { return lower(c); });
  return result;
}

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }

bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });
}

// The host of "HOST", "HOST:PORT" or "[IPV6]:PORT"; nullopt for anything else.
std::optional<std::string> host_of(std::string_view authority) {
  const std::size_t end = authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':');
  std::string_view host = authority.substr(0, end);
  const std::string_view rest = authority.substr(host.size());
  if (!rest.empty() && (rest[0] != ':' || (rest.size() > 1 && !all_digits(rest.substr(1))))) return std::nullopt;
  if (host.starts_with('[')) {
    host = host.substr(1, host.size() - 2);
    if (in6_addr address; ::inet_pton(AF_INET6, std::string(host).c_str(), &address) != 1) return std::nullopt;
  } else if (!std::all_of(host.begin(), host.end(), [](char c) {
               return is_alphanumeric(c) || std::string_view("-._~%!$&'()*+,;=").find(c) != std::string_view::npos;
             })) {
    return std::nullopt;
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  return lower(host);
}

// "%2e" -> ".".
std::optional<std::string> unescape(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    unsigned char byte = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc{} || digits.size() < 2 || end != digits.data() + 2 || byte == 0) return std::nullopt;
    result += static_cast<char>(byte);
    i += 2;
  }
  return result;
}

Result<void> read_target(std::string_view target, AskedFor& asked) {
  if (target.empty() || !std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f; }))
    return fail("the request line has a character that does not belong there");
  // What a client sends to a proxy, and may send to a server (RFC 9112, 3.2.2): its host counts, not the Host field.
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!same(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t path = std::min(target.find_first_of("/?"), target.size());
    const auto host = host_of(target.substr(0, path));
    if (!host || host->empty()) return fail("the request line's URL has no valid host");
    asked.host = *host;
    asked.authority = lower(target.substr(0, path));
    target.remove_prefix(path);
    if (!target.starts_with('/')) asked.path.push_back('/');
  }
  // An escaped '/' is a part of a name and begins no path: a proxy in front would not know what this is (RFC
  // 9112, 3.2).
  if (asked.path.empty() && !target.starts_with('/') && target != "*") return fail("the request line has no path");
  const std::size_t query = target.find('?');
  auto path = unescape(target.substr(0, query));
  if (!path || (query != std::string_view::npos && !unescape(target.substr(query))))
    return fail("the request line has an escape that is none, or %00");
  asked.path += *path;
  if (query != std::string_view::npos) asked.query = target.substr(query + 1);
  return {};
}

Result<void> read_length(const RequestHead& head, AskedFor& asked) {
  std::size_t lengths = 0, codings = 0;
  std::string_view length = "0", coding;
  for (const HeaderField& field : head.fields) {
    if (same(field.name, "Content-Length")) {
      ++lengths;
      length = trim(field.value);
    } else if (same(field.name, "Transfer-Encoding")) {
      ++codings;
      coding = trim(field.value);
    }
  }
  if (lengths > 1) return fail("there is more than one Content-Length");
  if (!all_digits(length)) return fail("the Content-Length is not a number");
  if (codings > 0 && lengths > 0) return fail("there are a Content-Length and a Transfer-Encoding");
  if (codings > 0 && (codings > 1 || !same(coding, "chunked") || head.version == "HTTP/1.0"))
    return fail("the only Transfer-Encoding known here is chunked, of HTTP/1.1");
  asked.has_body = codings > 0 || length.find_first_not_of('0') != std::string_view::npos;
  return {};
}

}  // namespace

std::string RequestHead::list(std::string_view name) const {
  std::string values;
  for (const HeaderField& field : fields) {
    if (!same(field.name, name)) continue;
    if (!values.empty()) values += ", ";
    values += field.value;
  }
  return values;
}

Result<AskedFor> understand(const RequestHead& head) {
  AskedFor asked;
  const HeaderField* host = nullptr;
  for (const HeaderField& field : head.fields) {
    if (!is_token(field.name)) return fail("the name of a header field has a character that does not belong there");
    if (!is_field_value(field.value)) return fail("a header field has a character that does not belong there");
    if (!same(field.name, "Host")) continue;
    if (host != nullptr) return fail("there is more than one Host");
    host = &field;
  }
  if (!head.list("Expect").empty()) return fail("there is an Expect, which only requests with a body may have");
  if (host == nullptr && head.version != "HTTP/1.0") return fail("there is no Host");
  if (host != nullptr) {
    const auto name = host_of(trim(host->value));
    if (!name) return fail("the Host is not a name or an address");
    if (name->empty()) return fail("the Host is empty, which no http or https URL allows");
    asked.host = *name;
    asked.authority = lower(trim(host->value));
  }
  if (auto read = read_target(head.target, asked); !read) return tl::unexpected(read.error());
  if (auto read = read_length(head, asked); !read) return tl::unexpected(read.error());
  return asked;
}

bool asked_from_elsewhere(const RequestHead& head, const AskedFor& asked) {
  if (const std::string site = head.list("Sec-Fetch-Site"); !site.empty())
    return !same(site, "same-origin") && !same(site, "none");
  const std::string origin = head.list("Origin");
  const std::size_t scheme = origin.find("://");
  return !origin.empty() && (scheme == std::string::npos || lower(origin.substr(scheme + 3)) != asked.authority);
}

bool names_this_machine(std::string_view host, const std::vector<std::string>& names) {
  const std::string name(host);
  in6_addr address;
  return name == "localhost" || ::inet_pton(AF_INET, name.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), &address) == 1 ||
         std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace vqscope
