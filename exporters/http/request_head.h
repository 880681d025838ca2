// SPDX-License-Identifier: Apache-2.0
// What has to be right about the head of a request before anything in it is believed. Whatever a proxy in front could
// read in another way than this server is an error here, so that no request can hide in another one (RFC 9112, 11.2).
// Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace vqscope {

struct HeaderField {
  std::string name, value;
};

// As the client sent it.
struct RequestHead {
  std::string target;   // of the request line
  std::string version;  // "HTTP/1.1"
  std::vector<HeaderField> fields;

  // Of all fields with this name, as one list (RFC 9110, 5.3); empty if there is none.
  [[nodiscard]] std::string list(std::string_view name) const;
};

struct AskedFor {
  std::string path;       // without the query, its escapes resolved
  std::string query;      // what follows the first '?', as it was sent; empty also: there is no '?'
  std::string host;       // in lower case, without port and brackets; empty: none was named, by HTTP/1.0
  std::string authority;  // the host in lower case with what stands around it, such as "[::1]:10177"
  bool has_body = false;  // or says that it has
};

// An error says what is wrong, for the client.
Result<AskedFor> understand(const RequestHead& head);

// Whether a page of another origin asks, by what browsers say of who asks: Sec-Fetch-Site
// (https://www.w3.org/TR/fetch-metadata/), which they send to hosts they trust, and else Origin, which they send with
// what a page asks of another origin. Who is no browser says neither, and is no page.
bool asked_from_elsewhere(const RequestHead& head, const AskedFor& asked);

// Whether nobody but this machine's own people can have made a browser ask for this host by the loopback interface. A
// page of a stranger can point a name of its own at 127.0.0.1 ("DNS rebinding") and is then allowed to read what that
// answers; but it cannot do so with an address, nor with `names` (in lower case) or localhost.
bool names_this_machine(std::string_view host, const std::vector<std::string>& names);

}  // namespace vqscope
