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
  std::string host;       // in lower case, without port and brackets; empty: none was named
  bool has_body = false;  // or says that it has
};

// An error says what is wrong, for the client.
Result<AskedFor> understand(const RequestHead& head);

// Whether nobody but this machine's own people can have made a browser ask for this host by the loopback interface. A
// page of a stranger can point a name of its own at 127.0.0.1 ("DNS rebinding") and is then allowed to read what that
// answers; but it cannot do so with an address, nor with `names` (in lower case) or localhost.
bool names_this_machine(std::string_view host, const std::vector<std::string>& names);

}  // namespace vqscope
