// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/serve.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <ctime>

#include "agent/base/clock.h"
#include "agent/base/events.h"
#include "agent/base/host_name.h"
#include "agent/base/memory.h"
#include "agent/collector/collector.h"
#include "agent/collector/refresh_schedule.h"
#include "agent/collector/uevents.h"
#include "agent/commands/serve/pages.h"
#include "agent/commands/serve/rights.h"
#include "agent/commands/serve/seccomp.h"
#include "agent/commands/serve/service_manager.h"
#include "agent/commands/serve/shared_pages.h"
#include "agent/source/disk_selection.h"
#include "exporters/http/connections.h"
#include "exporters/http/host_port.h"
#include "exporters/http/limits.h"
#include "exporters/http/server.h"
#include "exporters/page/live_page.h"
#include "exporters/prometheus/self_metrics.h"
#include "revision.h"
#include "version.h"

namespace vqscope {

namespace {

// Uevents tell of disks and CPUs at once; interrupt lines change without one.
constexpr unsigned kRefreshSeconds = 10;

// Whoever suspends a machine does it for longer; more than passes between two readings of clocks.
constexpr std::uint64_t kShortestSuspensionNs = 100'000'000;

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

// Null without --web.config.file.
Result<std::unique_ptr<WebConfigFile>> web_rules(const ServeOptions& options) {
  if (options.web_config.empty()) return nullptr;
  return WebConfigFile::create(options.web_config);
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
// protocol, where, and the metrics' path.
std::string served(const std::string& address, bool tls, const std::string& path) {
  const std::string scheme = tls ? "https" : "http";
  const bool internet = !address.starts_with("unix:") && !address.starts_with("vsock:");
  return internet ? fmt::format("{0}://{1}{2} and, for browsers, {0}://{1}/", scheme, address, path)
                  : fmt::format("{} on {}, {}", scheme, address, path);
}

// From here on what was opened is all that there is: nothing after the start needs a right, a file outside procfs,
// sysfs and the configuration, or a system call that serving does not make.
Result<void> give_up(const ServeOptions& options, const std::optional<Account>& account, FilesAtEnd at_end) {
  ::tzset();  // the C library would read the time zone with the first message
  if (auto gave_up = give_up_rights(account); !gave_up) return gave_up;
  if (!options.seccomp) {
    spdlog::warn("system calls are not restricted (--no-seccomp)");
  } else if (const auto restricted = restrict_system_calls(at_end); !restricted) {
    spdlog::warn("the agent runs on without a filter of system calls: {}", restricted.error().message);
  }
  return {};
}

// SIGHUP is how exporters are told to read their configuration again.
void reload(WebConfigFile* rules) {
  if (rules != nullptr)
    rules->reload();
  else
    spdlog::info("SIGHUP changes nothing: there is no --web.config.file to read anew");
}

// Samples and refreshes until a signal other than SIGHUP comes. `rules` may be null.
Result<void> run(Collector& collector, SharedPages& shared, LivePage& live, WebConfigFile* rules, const Fd& signals,
                 const Fd& timer, UeventMonitor* uevents, ServiceManager& manager) {
  std::array<pollfd, 3> watched = {
      {{signals.get(), POLLIN, 0}, {timer.get(), POLLIN, 0}, {uevents != nullptr ? uevents->fd() : -1, POLLIN, 0}}};
  unsigned seconds = 0;
  std::uint64_t suspended = suspended_ns();
  RefreshSchedule schedule;
  for (;;) {
    if (::poll(watched.data(), watched.size(), schedule.wait_ms(monotonic_ns())) < 0) {
      if (errno == EINTR) continue;
      return fail_errno("cannot wait for events");
    }
    if (watched[0].revents != 0) {
      signalfd_siginfo signal = {};
      if (::read(signals.get(), &signal, sizeof signal) != sizeof signal) return fail_errno("cannot read a signal");
      if (signal.ssi_signo != SIGHUP) {
        manager.stopping();
        return {};
      }
      reload(rules);
    }
    if (watched[2].revents != 0 && uevents->drain()) schedule.ask();
    if (watched[1].revents != 0) {
      std::uint64_t expirations = 0;
      if (::read(timer.get(), &expirations, sizeof expirations) < 0 && errno != EAGAIN)
        return fail_errno("cannot read the timer");
      // Without uevents, disks that come and go are looked for every second.
      if (++seconds % kRefreshSeconds == 0 || uevents == nullptr || collector.outdated()) schedule.ask();
      // Drivers take other interrupts when a machine wakes up.
      if (const std::uint64_t now = suspended_ns(); now > suspended + kShortestSuspensionNs) {
        suspended = now;
        schedule.ask();
      }
      const bool due = live.is_due(monotonic_ns());
      Reading reading = collector.sample(due ? Detail::kHistograms : Detail::kCounters);
      if (due) live.add(std::move(reading), realtime_ns());
      shared.forget();
      manager.collected();
    }
    if (schedule.due(monotonic_ns())) {
      if (!collector.refresh()) schedule.ask();
      manager.status("Measuring " + collector.summary());
    }
  }
}

}  // namespace

Result<void> serve(const ServeOptions& options) {
  raise_descriptor_limit();
  if (const std::uint64_t limit = descriptor_limit(); limit < kFewestDescriptors)
    return fail(
        fmt::format("this process may have {} files open, and needs {}: raise the limit (ulimit -n, LimitNOFILE=)",
                    limit, kFewestDescriptors));
  ServiceManager manager;
  std::optional<Account> account;
  if (!options.user.empty()) {
    auto found = find_account(options.user);
    if (!found) return tl::unexpected(found.error());
    account = std::move(*found);
  }
  auto signals = watch_signals(Hangup::kIsRead);
  if (!signals) return tl::unexpected(signals.error());
  auto timer = every_second();
  if (!timer) return tl::unexpected(timer.error());
  // Before anything else is done, and what is found here is what holds.
  auto rules = web_rules(options);
  if (!rules) return tl::unexpected(rules.error());
  // Before the probes, so that a second agent by mistake does no work, and before the first look at the disks, so that
  // none appears unnoticed.
  auto listeners = open_listeners(options);
  if (!listeners) return tl::unexpected(listeners.error());
  auto uevents = UeventMonitor::create();
  if (!uevents) spdlog::warn("disks are looked for every second only: {}", uevents.error().message);
  auto disks = select_disks(options.measure, {});
  if (!disks) return tl::unexpected(disks.error());
  for (const std::string& note : disks->notes) spdlog::info("{}", note);
  for (const std::string& missing : disks->missing) spdlog::warn("{}; it is measured when it comes", missing);

  auto collector = Collector::create({options.measure.paths, std::move(disks->filter), options.measure.required_probes,
                                      static_cast<std::uint64_t>(options.window_seconds * 1e9)});
  if (!collector) return tl::unexpected(collector.error());
  keep_freed_memory();
  SelfMetrics self(VQSCOPE_VERSION, VQSCOPE_REVISION, (*collector)->array_bytes());
  // Before the threads of the server, which have the rights and the filter of the thread that starts them.
  const bool files = std::any_of(listeners->begin(), listeners->end(),
                                 [](const Listener& listener) { return listener.file.exists(); });
  if (auto gave_up = give_up(options, account, files ? FilesAtEnd::kAreRemoved : FilesAtEnd::kStay); !gave_up)
    return gave_up;
  std::vector<std::string> addresses;
  for (const Listener& listener : *listeners) addresses.push_back(listener.address);
  // With the rights that the agent keeps: it has to be able to read the files again when they change.
  if (*rules)
    if (auto readable = (*rules)->check_readable(); !readable) return readable;
  const bool tls = *rules && (*rules)->current()->tls;
  SharedPages shared;
  LivePage live(VQSCOPE_VERSION, fmt::format("{:x}", realtime_ns()), host_name());
  Connections connections(most_connections(descriptor_limit()));
  const auto server = HttpServer::create(std::move(*listeners), rules->get(), own_names(options), connections,
                                         Pages(options, **collector, self, connections, shared, live));
  if (!server) return tl::unexpected(server.error());
  for (const std::string& address : addresses)
    spdlog::info("vqscope {} serves {}", VQSCOPE_VERSION, served(address, tls, options.telemetry_path));
  manager.ready("Measuring " + (*collector)->summary());
  return run(**collector, shared, live, rules->get(), *signals, *timer, uevents ? &*uevents : nullptr, manager);
}

}  // namespace vqscope
