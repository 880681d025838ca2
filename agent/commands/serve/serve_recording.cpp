// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/serve_recording.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

#include "agent/base/clock.h"
#include "agent/base/events.h"
#include "agent/commands/serve/endpoint.h"
#include "agent/commands/serve/pages.h"
#include "agent/commands/serve/recorded_page.h"
#include "agent/commands/serve/service_manager.h"
#include "exporters/http/limits.h"
#include "exporters/page/site.h"
#include "version.h"

namespace vqscope {

Result<void> serve_recording(const ServeOptions& options) {
  ServiceManager manager;
  auto signals = watch_signals(Hangup::kIsRead);
  if (!signals) return tl::unexpected(signals.error());
  auto endpoint = Endpoint::open(options);
  if (!endpoint) return tl::unexpected(endpoint.error());
  auto recorded =
      make_recorded_page(options.replay, options.measure, VQSCOPE_VERSION, fmt::format("{:x}", realtime_ns()));
  if (!recorded) return tl::unexpected(recorded.error());
  if (auto gave_up = endpoint->give_up(options); !gave_up) return gave_up;
  Connections connections(most_connections(descriptor_limit()));
  const Site site(VQSCOPE_VERSION, options.telemetry_path);
  const auto answer = [&](const HttpRequest& request) {
    return answer_of_recording(request, site, *recorded->page, options.telemetry_path, connections);
  };
  const auto server = endpoint->start(options, connections, answer);
  if (!server) return tl::unexpected(server.error());
  spdlog::info("the page is of {}", recorded->what);
  manager.ready("Showing " + recorded->what);
  for (;;) {
    signalfd_siginfo signal = {};
    if (::read(signals->get(), &signal, sizeof signal) != sizeof signal) {
      if (errno == EINTR) continue;
      return fail_errno("cannot read a signal");
    }
    if (signal.ssi_signo != SIGHUP) break;
    endpoint->reload();
  }
  manager.stopping();
  return {};
}

}  // namespace vqscope
