// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/compare/sides.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/events.h"
#include "agent/base/standard_streams.h"
#include "agent/commands/common/progress.h"
#include "agent/commands/common/wait.h"
#include "agent/model/window.h"
#include "agent/probes/permission.h"

namespace vqscope {

namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
// How old what is known of elevators and interrupt lines may be: as in a recording.
constexpr std::uint64_t kRefreshNs = 10 * kSecondNs;

// Until `take` has had all readings of a recording, or there is an error.
template <typename Take>
Result<std::unique_ptr<Source>> read_all(const std::filesystem::path& path, const Take& take) {
  auto source = open_recording(path, all_disks());
  if (!source) return source;
  for (;;) {
    const auto snapshot = (*source)->read();
    if (!snapshot) return tl::unexpected(snapshot.error());
    if (!*snapshot) return source;
    take(**snapshot);
  }
}

// What the disks of `before` are called now.
std::vector<std::string> names_now(const CompareOptions& options, const Series& before) {
  std::vector<std::string> names;
  for (const DeviceSeries& device : before.devices) {
    const auto renamed =
        std::ranges::find(options.renamed, device.disk.name, &std::pair<std::string, std::string>::first);
    names.push_back(renamed == options.renamed.end() ? device.disk.name : renamed->second);
  }
  return names;
}

Result<std::unique_ptr<Source>> open_live(const CompareOptions& options, const std::vector<std::string>& names,
                                          const Fd& signals) {
  MeasureOptions measure;
  measure.device_include = DeviceFilter::pattern_of(names);
  measure.required_probes = {"block"};  // without it there is nothing to compare
  if (options.live)
    if (auto agent = find_local_agent(measure, signals.get())) return agent;
  if (options.live && !may_attach())
    return fail(
        "to see requests takes root, or CAP_BPF and CAP_PERFMON, or an agent that runs in this guest: sudo vqscope "
        "compare ... --live");
  auto disks = select_disks(measure, options.agent);
  if (!disks) return tl::unexpected(disks.error());
  if (options.live) return open_this_machine(measure, std::move(disks->filter), kRefreshNs);
  AgentAddress agent = options.agent;
  agent.give_up = signals.get();
  return open_agent(measure, agent, std::move(*disks));
}

// What a terminal is told meanwhile.
class LiveProgress {
 public:
  explicit LiveProgress(std::uint64_t seconds) : seconds_(seconds) {}

  void ask(const std::string& whom) { progress_.show("Asking " + whom + " ..."); }
  void add(const Snapshot& snapshot) {
    if (!progress_.shown()) return;
    Snapshot now = without_histograms(snapshot);
    if (!first_ns_) first_ns_ = now.time_ns;
    progress_.show(fmt::format("Watching, {:.0f} s of {} s: {}", static_cast<double>(now.time_ns - *first_ns_) / 1e9,
                               seconds_, request_rates(last_ ? *last_ : now, now)));
    last_ = std::move(now);
  }
  void warn(const std::string& message) {
    progress_.clear();
    complain(message);
  }

 private:
  Progress progress_;
  std::uint64_t seconds_;
  std::optional<std::uint64_t> first_ns_;
  std::optional<Snapshot> last_;  // without histograms
};

// Whether anything can come of it, before it is waited for.
Result<void> check_disks(const Topology& topology, const std::vector<std::string>& names, const std::string& before,
                         const std::string& place) {
  if (!topology.disks.empty()) return {};
  return fail(fmt::format("no disk of {} ({}) is in {}; --device A=B says which one was renamed", before,
                          fmt::join(names, ", "), place));
}

}  // namespace

Result<Series> load_series(const std::filesystem::path& path, const Part& part) {
  SeriesMaker series(path == kStandardStream ? "standard input" : path.string(), part);
  const auto source = read_all(path, [&](const DecodedSnapshot& snapshot) { series.take(snapshot); });
  if (!source) return tl::unexpected(source.error());
  return series.finish((*source)->damage());
}

Result<std::size_t> count_segments(const std::filesystem::path& path) {
  std::vector<std::size_t> readings;
  const auto source = read_all(path, [&](const DecodedSnapshot& snapshot) {
    readings.resize(snapshot.segment + 1);
    ++readings.back();
  });
  if (!source) return tl::unexpected(source.error());
  return static_cast<std::size_t>(std::ranges::count_if(readings, [](std::size_t count) { return count > 1; }));
}

Result<LiveSide> watch_live(const CompareOptions& options, const Series& before) {
  const auto signals = watch_signals();
  if (!signals) return tl::unexpected(signals.error());
  const std::vector<std::string> names = names_now(options, before);
  LiveProgress progress(options.duration_seconds);
  progress.ask(options.live ? "for an agent in this guest; else probes are attached" : "the agent");
  const auto source = open_live(options, names, *signals);
  if (!source) return tl::unexpected(source.error());
  const std::string place = (*source)->place().empty() ? "this guest" : (*source)->place();
  SeriesMaker series("the readings of " + place);
  const auto first = read_one(**source);
  if (!first) return tl::unexpected(first.error());
  if (auto found = check_disks(first->reading.topology, names, before.file, place); !found)
    return tl::unexpected(found.error());
  series.take(*first);
  progress.add(first->reading.snapshot);
  // However long that took.
  const std::uint64_t begin = monotonic_ns(), end = begin + options.duration_seconds * kSecondNs;
  std::string missing;  // why there was no reading the last time; empty: there was
  double last = 0;      // seconds from the first reading to the last
  int signal = 0;
  for (std::uint64_t next = begin; next < end;) {
    // An agent that took long to answer is not asked for what was missed.
    for (const std::uint64_t now = monotonic_ns(); next <= now && next < end;) next += kSecondNs;
    const auto came = wait_until(next, *signals);
    if (!came) return tl::unexpected(came.error());
    signal = *came;
    if (signal != 0) break;
    const auto snapshot = read_one(**source);
    if (snapshot) {
      series.take(*snapshot);
      progress.add(snapshot->reading.snapshot);
      last = static_cast<double>(monotonic_ns() - begin) / kSecondNs;
    } else {
      const auto meanwhile = signal_by_now(*signals);
      if (!meanwhile) return tl::unexpected(meanwhile.error());
      signal = *meanwhile;
      if (signal != 0) break;
      if (missing.empty()) progress.warn("no reading, and trying again every second: " + snapshot.error().message);
    }
    missing = snapshot ? "" : snapshot.error().message;
  }
  // From here on nothing takes long, and a signal ends it at once.
  if (auto released = release_signals(); !released) return tl::unexpected(released.error());
  auto made = series.finish();
  if (!made) return tl::unexpected(made.error());
  if (!missing.empty())
    made->notes.push_back(
        fmt::format("there was no more reading after {:.0f} s of {} s, so what is compared ends there: {}", last,
                    options.duration_seconds, missing));
  return LiveSide{std::move(*made), signal};
}

}  // namespace vqscope
