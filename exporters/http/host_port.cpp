// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/host_port.h"

#include <cstdint>

#include "agent/base/text.h"

namespace vqscope {

Result<HostPort> parse_host_port(std::string_view text) {
  const auto colon = text.rfind(':');
  const std::string what = "'" + std::string(text) + "' is not an address to listen on";
  if (colon == std::string_view::npos) return fail(what + ": it needs a port, as in 127.0.0.1:10177 or [::1]:10177");
  const std::string_view port = text.substr(colon + 1);
  std::string_view host = text.substr(0, colon);
  if (!parse_number<std::uint16_t>(port)) return fail(what + ": the port must be a number from 0 to 65535");
  if (host == "[]") return fail(what + ": there is no address in the brackets");
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return fail(what + ": an IPv6 address goes in brackets, as in [::1]:10177");
  if (host.find_first_of("[]") != std::string_view::npos)
    return fail(what + ": brackets go around an IPv6 address, once, as in [::1]:10177");
  return HostPort{std::string(host), std::string(port)};
}

}  // namespace vqscope
