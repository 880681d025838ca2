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
#include "agent/commands/doctor/look_into.h"
#include "agent/commands/doctor/report.h"
#include "agent/commands/doctor/watch.h"
#include "agent/diagnosis/phrases.h"

namespace vqscope {

namespace {

// Narrower than this a picture makes no sense, and lines that are longer are hard to read.
constexpr std::size_t kNarrowest = 60, kWidest = 100;

std::string render(const Report& report, DoctorFormat format) {
  switch (format) {
    case DoctorFormat::kMarkdown: return to_markdown(report);
    case DoctorFormat::kJson: return to_json(report);
    case DoctorFormat::kText: break;
  }
  return to_text(report, {std::clamp(terminal_width(STDOUT_FILENO), kNarrowest, kWidest), wants_colour(STDOUT_FILENO)});
}

// Until its end, or until a signal comes.
Result<Watched> watch_until_signal(const DoctorOptions& options) {
  auto signals = watch_signals();
  if (!signals) return tl::unexpected(signals.error());
  auto watched = watch(options, *signals);
  // From here on nothing takes long, and a signal ends it at once.
  if (auto released = release_signals(); !released) return tl::unexpected(released.error());
  return watched;
}

}  // namespace

Result<int> doctor(const DoctorOptions& options) {
  const bool recorded = !options.replay.file.empty();
  auto watched = recorded ? look_into(options.replay, options.measure) : watch_until_signal(options);
  if (!watched) return tl::unexpected(watched.error());
  const Stretch& seen = watched->seen;
  if (watched->signal != 0) {
    if (seen.empty() || seen.seconds() < kShortestSeconds) {
      complain("it was ended in its first second, of which nothing can be told");
      return 128 + watched->signal;
    }
    watched->notes.push_back(fmt::format("It was ended by {} after {} of {}.",
                                         watched->signal == SIGINT ? "Ctrl-C" : "SIGTERM", duration(seen.seconds()),
                                         duration(options.duration_seconds)));
  }
  if (std::string gaps = seen.gaps(); !gaps.empty()) watched->notes.push_back(std::move(gaps));
  const Report report = make_report(seen.first(), seen.last(), seen.course(),
                                    {options.platform,
                                     options.idle_is_ok,
                                     watched->permitted,
                                     watched->notes,
                                     {watched->place, seen.header(), recorded},
                                     options.remedies || options.platform,
                                     watched->cut_short});
  if (auto printed = print(render(report, options.format)); !printed) return tl::unexpected(printed.error());
  return report.status;
}

}  // namespace vqscope
