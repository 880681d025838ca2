// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/endpoint.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <iterator>
#include <string>
#include <utility>

#include "agent/base/host_name.h"
#include "agent/commands/serve/seccomp.h"
#include "exporters/http/host_port.h"
#include "exporters/http/limits.h"
#include "version.h"

namespace vqscope {

namespace {

constexpr const char* kDefaultAddresses[] = {"127.0.0.1:10177", "[::1]:10177"};

Result<std::vector<Listener>> open_listeners(const ServeOptions& options) {
  if (options.systemd_socket) return listeners_from_systemd();
  std::vector<Listener> listeners;
  const bool defaults = options.listen_addresses.empty();
  const std::vector<std::string> addresses =
      defaults ? std::vector<std::string>(std::begin(kDefaultAddresses), std::end(kDefaultAddresses))
               : options.listen_addresses;
  for (const std::string& address : addresses) {
    auto opened = listen_on(address, options.socket_mode);
    if (!opened) {
      // A guest without IPv6 need not be told to choose its addresses.
      const int code = opened.error().code;
      if (defaults && !listeners.empty() && (code == EAFNOSUPPORT || code == EADDRNOTAVAIL)) continue;
      return opened;
    }
    for (Listener& listener : *opened) listeners.push_back(std::move(listener));
  }
  return listeners;
}

// What this machine may be called by whoever connects to it from itself: see names_this_machine().
std::vector<std::string> own_names(const ServeOptions& options) {
  std::vector<std::string> names = options.allowed_hosts;
  for (const std::string& address : options.listen_addresses)
    if (const auto parts = parse_host_port(address); parts) names.push_back(parts->host);
  if (std::string name = host_name(); !name.empty()) names.push_back(std::move(name));
  for (std::string& lower : names)
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return names;
}

// What a log line tells of a listener: the URL of its metrics and that of its page, or where no URL leads to it, the
// protocol, where, and the metrics' path. Of a recording, there are no metrics.
std::string served(const std::string& address, bool tls, const ServeOptions& options) {
  const std::string scheme = tls ? "https" : "http";
  const bool internet = !address.starts_with("unix:") && !address.starts_with("vsock:");
  if (!options.replay.file.empty())
    return internet ? fmt::format("{}://{}/", scheme, address) : scheme + " on " + address;
  const std::string& path = options.telemetry_path;
  return internet ? fmt::format("{0}://{1}{2} and, for browsers, {0}://{1}/", scheme, address, path)
                  : fmt::format("{} on {}, {}", scheme, address, path);
}

}  // namespace

Result<Endpoint> Endpoint::open(const ServeOptions& options) {
  raise_descriptor_limit();
  if (const std::uint64_t limit = descriptor_limit(); limit < kFewestDescriptors)
    return fail(
        fmt::format("this process may have {} files open, and needs {}: raise the limit (ulimit -n, LimitNOFILE=)",
                    limit, kFewestDescriptors));
  Endpoint endpoint;
  if (!options.user.empty()) {
    auto found = find_account(options.user);
    if (!found) return tl::unexpected(found.error());
    endpoint.account_ = std::move(*found);
  }
  if (!options.web_config.empty()) {
    auto rules = WebConfigFile::create(options.web_config);
    if (!rules) return tl::unexpected(rules.error());
    endpoint.rules_ = std::move(*rules);
  }
  auto listeners = open_listeners(options);
  if (!listeners) return tl::unexpected(listeners.error());
  endpoint.listeners_ = std::move(*listeners);
  return endpoint;
}

Result<void> Endpoint::give_up(const ServeOptions& options) const {
  ::tzset();  // the C library would read the time zone with the first message
  if (auto gave_up = give_up_rights(account_); !gave_up) return gave_up;
  const bool files = std::ranges::any_of(listeners_, [](const Listener& listener) { return listener.file.exists(); });
  if (!options.seccomp) {
    spdlog::warn("system calls are not restricted (--no-seccomp)");
  } else if (const auto restricted = restrict_system_calls(files ? FilesAtEnd::kAreRemoved : FilesAtEnd::kStay);
             !restricted) {
    spdlog::warn("the agent runs on without a filter of system calls: {}", restricted.error().message);
  }
  // With the rights that the agent keeps: it has to be able to read the files again when they change.
  return rules_ ? rules_->check_readable() : Result<void>();
}

Result<std::unique_ptr<HttpServer>> Endpoint::start(const ServeOptions& options, Connections& connections,
                                                    HttpHandler handler) {
  std::vector<std::string> addresses;
  for (const Listener& listener : listeners_) addresses.push_back(listener.address);
  const bool tls = rules_ && rules_->current()->tls;
  auto server =
      HttpServer::create(std::move(listeners_), rules_.get(), own_names(options), connections, std::move(handler));
  if (!server) return server;
  for (const std::string& address : addresses)
    spdlog::info("vqscope {} serves {}", VQSCOPE_VERSION, served(address, tls, options));
  return server;
}

void Endpoint::reload() {
  if (rules_ != nullptr)
    rules_->reload();
  else
    spdlog::info("SIGHUP changes nothing: there is no --web.config.file to read anew");
}

}  // namespace vqscope
