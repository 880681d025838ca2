// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/doctor/doctor.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/events.h"
#include "agent/base/standard_streams.h"
#include "agent/base/terminal.h"
#include "agent/base/terminal_width.h"
#include "agent/commands/doctor/report.h"
#include "agent/commands/doctor/watch.h"
#include "agent/diagnosis/phrases.h"

namespace vqscope {

namespace {

// Narrower than this a picture makes no sense, and lines that are longer are hard to read.
constexpr std::size_t kNarrowest = 60, kWidest = 100;
// As the shortest --duration.
constexpr double kShortestSeconds = 1;

std::string render(const Report& report, DoctorFormat format) {
  switch (format) {
    case DoctorFormat::kMarkdown: return to_markdown(report);
    case DoctorFormat::kJson: return to_json(report);
    case DoctorFormat::kText: break;
  }
  return to_text(report, {std::clamp(terminal_width(STDOUT_FILENO), kNarrowest, kWidest), wants_colour(STDOUT_FILENO)});
}

double seconds_of(const Watched& watched) {
  return static_cast<double>(watched.last.snapshot.time_ns - watched.first.snapshot.time_ns) / 1e9;
}

}  // namespace

Result<int> doctor(const DoctorOptions& options) {
  auto signals = watch_signals();
  if (!signals) return tl::unexpected(signals.error());
  auto watched = watch(options, *signals);
  // From here on nothing takes long, and a signal ends it at once.
  if (auto released = release_signals(); !released) return tl::unexpected(released.error());
  if (!watched) return tl::unexpected(watched.error());
  if (watched->signal != 0) {
    if (seconds_of(*watched) < kShortestSeconds) {
      complain("it was ended in its first second, of which nothing can be told");
      return 128 + watched->signal;
    }
    watched->notes.push_back(fmt::format("It was ended by {} after {} of {}.",
                                         watched->signal == SIGINT ? "Ctrl-C" : "SIGTERM",
                                         duration(seconds_of(*watched)), duration(options.duration_seconds)));
  }
  const Report report = make_report(watched->first, watched->last, watched->course,
                                    {options.platform, options.idle_is_ok, watched->permitted, watched->notes,
                                     watched->origin, options.remedies || options.platform});
  if (auto printed = print(render(report, options.format)); !printed) return tl::unexpected(printed.error());
  return report.status;
}

}  // namespace vqscope
