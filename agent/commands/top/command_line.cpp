// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/top/command_line.h"

#include <memory>

#include "agent/commands/common/usage.h"

namespace vqscope {

Subcommand<TopOptions> add_top(CLI::App& app) {
  const auto shared = std::make_shared<TopOptions>();
  TopOptions& options = *shared;
  CLI::App& top = *app.add_subcommand("top", "Watch this guest's disks, their queues and interrupts on a terminal");
  CLI::Option* const interval = add_duration(
      top, "--interval", [&options](double seconds) { options.interval_seconds = seconds; }, "100ms", "1h",
      "How long from one reading to the next (with --once 3s)");
  interval->default_str("1s");
  top.add_flag("--once", options.once,
               "Print one picture as text, of one interval, and end; into a file or pipe, as wide as COLUMNS "
               "says, or up to 120 columns");
  CLI::Option* const replay =
      add_replay(top, options.replay, "Look at this recording, back and forth, and at no disk of this guest");
  add_moment(top, "--at", options.at, replay, "Where to begin in it: " + std::string(kMomentsAre));
  add_agent(top, options.agent, "Look at what the agent at this URL measures");
  top.get_option("--url")->excludes(replay);
  add_measure(top, options.measure, "disk,--device");
  add_log(top, options.log);
  top.footer(
      "Without --url, the agent of this guest is asked, at unix:/run/vqscope/agent.sock and 127.0.0.1:10177; if none "
      "answers, probes are attached, which takes root. '?' shows the keys.");
  return {&top, [shared, interval]() -> Result<TopOptions> {
            // As long as it takes to see that the host did not run a vCPU.
            if (shared->once && interval->count() == 0) shared->interval_seconds = 3;
            if (auto sensible = check(shared->measure); !sensible) return tl::unexpected(sensible.error());
            return std::move(*shared);
          }};
}

}  // namespace vqscope
