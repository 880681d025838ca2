// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/doctor/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "agent/base/clock.h"
#include "agent/base/standard_streams.h"
#include "agent/base/utc.h"
#include "agent/commands/common/progress.h"
#include "agent/commands/common/wait.h"
#include "agent/commands/doctor/asked_disks.h"
#include "agent/diagnosis/phrases.h"
#include "agent/probes/permission.h"
#include "agent/source/source.h"

namespace vqscope {

namespace {

// How long a slice of time is in which a queue may have been full. A reading of this guest costs well below a
// millisecond; one of another agent is a scrape.
constexpr std::uint64_t kLocalTickNs = 100'000'000, kRemoteTickNs = 1'000'000'000;
// How old what is known of elevators and interrupt lines may be.
constexpr std::uint64_t kRefreshNs = 1'000'000'000;

Result<std::unique_ptr<Source>> open_source(const DoctorOptions& options, DiskSelection disks, const Fd& signals) {
  if (options.agent.url.empty()) return open_this_machine(options.measure, std::move(disks.filter), kRefreshNs);
  AgentAddress agent = options.agent;
  agent.give_up = signals.get();
  return open_agent(options.measure, agent, std::move(disks));
}

// Null where requests are seen.
const ProbeStatus* missing_block_probe(const Reading& reading) {
  for (const ProbeStatus& probe : reading.probes)
    if (probe.name == "block" && !probe.up) return &probe;
  return nullptr;
}

// Of an agent that does not answer any more.
std::string gone(const Watched& watched, double wanted, const std::string& why) {
  return fmt::format("Its last answer is of {} UTC, after {} of {} ({}).", format_utc(watched.seen.end_ns()),
                     duration(watched.seen.seconds()), duration(wanted), why);
}

// Takes readings until the end, or until there are no more to take.
Result<void> watch_on(const DoctorOptions& options, Source& source, const Fd& signals, Progress& progress,
                      Watched& watched) {
  const bool remote = !options.agent.url.empty();
  const std::uint64_t tick = remote ? kRemoteTickNs : kLocalTickNs, start = monotonic_ns();
  const std::uint64_t end = start + static_cast<std::uint64_t>(options.duration_seconds * 1e9);
  std::string missing;  // why there was no reading the last time
  for (std::uint64_t next = start; next < end;) {
    // An agent that took long to answer is not asked for what was missed.
    for (const std::uint64_t now = monotonic_ns(); next <= now;) next += tick;
    if (next > end && !missing.empty()) break;
    next = std::min(next, end);
    const auto signal = wait_until(next, signals);
    if (!signal) return tl::unexpected(signal.error());
    watched.signal = *signal;
    if (watched.signal != 0) break;
    auto now = read_one(source);
    if (!now) {
      const auto came = signal_by_now(signals);
      if (!came) return tl::unexpected(came.error());
      watched.signal = *came;
      if (watched.signal != 0) break;
      progress.clear();
      if (missing.empty()) complain("no reading, and trying again every second: " + now.error().message);
      missing = now.error().message;
      continue;
    }
    missing.clear();
    if (!watched.seen.is_followed_by(*now)) {
      const std::string why = "the agent was started anew while it was watched";
      if (watched.seen.seconds() < kShortestSeconds) return fail(why + "; run this again");
      watched.cut_short = gone(watched, options.duration_seconds, why);
      return {};
    }
    watched.seen.add(std::move(*now));
    progress.show(fmt::format("Watching, {:.0f} s of {:g} s: {}", watched.seen.seconds(), options.duration_seconds,
                              request_rates(watched.seen.first().snapshot, watched.seen.last().snapshot)));
  }
  if (missing.empty()) return {};
  if (watched.seen.seconds() < kShortestSeconds) {
    if (watched.signal == 0) return fail(missing);
    return {};
  }
  watched.cut_short = gone(watched, options.duration_seconds, missing);
  return {};
}

}  // namespace

Result<Watched> watch(const DoctorOptions& options, const Fd& signals) {
  const bool remote = !options.agent.url.empty();
  auto disks = select_disks(options.measure, options.agent);
  if (!disks) return tl::unexpected(disks.error());
  if (!disks->missing.empty()) return fail(disks->missing.front());
  Watched watched;
  watched.notes = disks->notes;
  auto source = open_source(options, std::move(*disks), signals);
  if (!source) return tl::unexpected(source.error());
  watched.place = (*source)->place();
  Progress progress;
  if (remote) progress.show("Asking " + watched.place + " ...");
  auto first = read_one(**source);
  progress.clear();
  if (!first) {
    const auto signal = signal_by_now(signals);
    if (!signal) return tl::unexpected(signal.error());
    if (*signal == 0) return tl::unexpected(first.error());
    watched.signal = *signal;
    return watched;
  }
  if (auto found = check_asked(first->reading.topology, options.measure); !found) return tl::unexpected(found.error());
  watched.seen.add(std::move(*first));
  if (const ProbeStatus* block = missing_block_probe(watched.seen.first()); block != nullptr && !remote) {
    // Waiting would bring little to somebody who only has to become root.
    watched.permitted = may_attach();
    if (!watched.permitted) return watched;
    complain(fmt::format("no requests are seen, only interrupts and vCPUs: {}", block->reason));
  }
  if (auto done = watch_on(options, **source, signals, progress, watched); !done) return tl::unexpected(done.error());
  return watched;
}

}  // namespace vqscope
