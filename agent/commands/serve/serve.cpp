// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/serve.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "agent/base/clock.h"
#include "agent/base/events.h"
#include "agent/base/host_name.h"
#include "agent/base/memory.h"
#include "agent/collector/collector.h"
#include "agent/collector/refresh_schedule.h"
#include "agent/collector/uevents.h"
#include "agent/commands/serve/endpoint.h"
#include "agent/commands/serve/pages.h"
#include "agent/commands/serve/serve_recording.h"
#include "agent/commands/serve/service_manager.h"
#include "agent/commands/serve/shared_pages.h"
#include "agent/source/disk_selection.h"
#include "exporters/http/connections.h"
#include "exporters/http/limits.h"
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

// Samples and refreshes until a signal other than SIGHUP comes.
Result<void> run(Collector& collector, SharedPages& shared, LivePage& live, Endpoint& endpoint, const Fd& signals,
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
      endpoint.reload();
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
  if (!options.replay.file.empty()) return serve_recording(options);
  ServiceManager manager;
  auto signals = watch_signals(Hangup::kIsRead);
  if (!signals) return tl::unexpected(signals.error());
  auto timer = every_second();
  if (!timer) return tl::unexpected(timer.error());
  // Before the probes, so that a second agent by mistake does no work, and before the first look at the disks, so that
  // none appears unnoticed.
  auto endpoint = Endpoint::open(options);
  if (!endpoint) return tl::unexpected(endpoint.error());
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
  if (auto gave_up = endpoint->give_up(options); !gave_up) return gave_up;
  SharedPages shared;
  LivePage live(VQSCOPE_VERSION, fmt::format("{:x}", realtime_ns()), host_name());
  Connections connections(most_connections(descriptor_limit()));
  const auto server =
      endpoint->start(options, connections, Pages(options, **collector, self, connections, shared, live));
  if (!server) return tl::unexpected(server.error());
  manager.ready("Measuring " + (*collector)->summary());
  return run(**collector, shared, live, *endpoint, *signals, *timer, uevents ? &*uevents : nullptr, manager);
}

}  // namespace vqscope
