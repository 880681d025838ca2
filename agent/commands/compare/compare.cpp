// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/compare/compare.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "agent/base/standard_streams.h"
#include "agent/base/terminal.h"
#include "agent/commands/compare/render.h"
#include "agent/commands/compare/sides.h"

namespace vqscope {

namespace {

// Windows that follow one another may touch.
constexpr double kSharedSeconds = 1.5;

struct Parts {
  std::filesystem::path before, after;  // the same, if two parts of one recording are compared
  Part part_before, part_after;
};

bool is_live(const CompareOptions& options) { return options.live || !options.agent.url.empty(); }

// Pipes and terminals cannot; what is not there, or a folder, is told of when it is opened.
bool can_be_read_twice(const std::filesystem::path& path) {
  struct stat status = {};
  return path != kStandardStream &&
         (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

// Which files and parts of them are compared.
Result<Parts> choose(const CompareOptions& options) {
  Parts parts{options.before, options.after.value_or(options.before), {}, {}};
  if (!options.windows.empty()) parts.part_before.window = options.windows.front();
  if (is_live(options)) return parts;
  if (!options.windows.empty()) parts.part_after.window = options.windows.back();
  if (!options.after && !can_be_read_twice(options.before))
    return fail(
        fmt::format("{} can be read only once: save it to a file to compare two parts of it", options.before.string()));
  if (options.after == options.before && !can_be_read_twice(options.before))
    return fail(fmt::format("{} is both sides, and can be read only once", options.before.string()));
  if (options.windows.empty() && !options.after) {
    const auto segments = count_segments(options.before);
    if (!segments) return tl::unexpected(segments.error());
    if (*segments != 2)
      return fail(
          fmt::format("{} is one recording with {} segment{}: give a second file, --live to watch this guest, or two "
                      "windows such as --window 0..60 --window 90..150, or add the second side with record --append",
                      options.before.string(), *segments, *segments == 1 ? "" : "s"));
    parts.part_before.segment = 0;
    parts.part_after.segment = 1;
  }
  return parts;
}

// Whoever wants to see the numbers of one recording may.
void tell_of_shared_time(double seconds, Comparison& comparison) {
  for (DeviceReport& device : comparison.devices) {
    device.judgement = {Verdict::kNotComparable,
                        fmt::format("both sides are of the same time: they share {:.0f} s", seconds),
                        {},
                        device.judgement.idle};
    device.time.sentence.clear();
    for (Row& row : device.rows) row.remark = "";
    for (OperationReport& operation : device.operations)
      for (Row& row : operation.rows) row.remark = "";
  }
}

// An agent that is restarted while it is recorded begins a new segment, as `record --append` does.
void tell_of_segments(const Series& before, const Series& after, Comparison& comparison) {
  constexpr double kSoon = 60;
  if (before.runs.empty() || after.runs.empty()) return;
  const Run &first = before.runs.back(), &second = after.runs.front();
  if (first.boot_id != second.boot_id || second.begin_ns < first.end_ns) return;
  const double pause = static_cast<double>(second.begin_ns - first.end_ns) / 1e9;
  if (pause < kSoon)
    comparison.notes.push_back(
        fmt::format("the second segment of {} begins {:.0f} s after the end of the first: if it was not recorded with "
                    "--append, the agent was restarted there, and both are of one recording",
                    before.file, pause));
}

// A live side that was ended early, as a note.
std::string ended_early(const LiveSide& live, const CompareOptions& options) {
  return fmt::format("{} ended after {:.0f} s of {} s, by {}", live.series.file, live.series.seconds,
                     options.duration_seconds, live.signal == SIGINT ? "Ctrl-C" : "SIGTERM");
}

Result<Comparison> make_comparison(const CompareOptions& options) {
  const auto parts = choose(options);
  if (!parts) return tl::unexpected(parts.error());
  const auto before = load_series(parts->before, parts->part_before);
  if (!before) return tl::unexpected(before.error());
  auto after = [&]() -> Result<LiveSide> {
    if (is_live(options)) return watch_live(options, *before);
    auto loaded = load_series(parts->after, parts->part_after);
    if (!loaded) return tl::unexpected(loaded.error());
    return LiveSide{std::move(*loaded)};
  }();
  if (!after) return tl::unexpected(after.error());
  if (after->signal != 0) after->series.notes.push_back(ended_early(*after, options));
  auto comparison = compare_series(*before, after->series, options.renamed, options.min_effect);
  const double shared = shared_seconds(*before, after->series);
  if (comparison && shared > std::min(kSharedSeconds, std::min(before->seconds, after->series.seconds) / 2))
    tell_of_shared_time(shared, *comparison);
  if (comparison && parts->part_after.segment) tell_of_segments(*before, after->series, *comparison);
  return comparison;
}

int exit_status(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBetter:
    case Verdict::kNoDifference: return 0;
    case Verdict::kWorse: return kExitWorse;
    case Verdict::kMixed:
    case Verdict::kNotComparable: break;
  }
  return kExitNotComparable;
}

}  // namespace

int compare(const CompareOptions& options) {
  const auto comparison = make_comparison(options);
  if (!comparison) {
    complain(comparison.error().message);
    return kExitUnreadable;
  }
  const bool colour = wants_colour(STDOUT_FILENO);
  const std::string text = options.format == CompareFormat::kJson       ? render_json(*comparison)
                           : options.format == CompareFormat::kMarkdown ? render_markdown(*comparison)
                                                                        : render_text(*comparison, colour);
  if (const auto printed = print(text); !printed) {
    complain(printed.error().message);
    return kExitUnreadable;
  }
  return exit_status(overall(*comparison));
}

}  // namespace vqscope
