// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/doctor/watch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "agent/base/clock.h"
#include "agent/base/text.h"
#include "agent/commands/common/progress.h"
#include "agent/commands/common/wait.h"
#include "agent/probes/permission.h"
#include "agent/source/source.h"

namespace vqscope {

namespace {

// How long a slice of time is in which a queue may have been full. A reading of this guest costs well below a
// millisecond; one of another agent is a scrape.
constexpr std::uint64_t kLocalTickNs = 100'000'000, kRemoteTickNs = 1'000'000'000;
// How old what is known of elevators and interrupt lines may be.
constexpr std::uint64_t kRefreshNs = 1'000'000'000;

Result<std::unique_ptr<Source>> open_source(const DoctorOptions& options, DiskSelection disks) {
  return options.agent.url.empty() ? open_this_machine(options.measure, std::move(disks.filter), kRefreshNs)
                                   : open_agent(options.measure, options.agent, std::move(disks));
}

Result<void> check_disks(const Reading& reading, const DoctorOptions& options) {
  if (!reading.topology.disks.empty()) return {};
  if (!options.measure.devices.empty())
    return fail(
        fmt::format("{} cannot be measured: it has no size, or went away", fmt::join(options.measure.devices, ", ")));
  if (!options.measure.device_include.empty())
    return fail(fmt::format("no disk matches --device-include='{}'", options.measure.device_include));
  if (!options.measure.device_exclude.empty())
    return fail(fmt::format("--device-exclude='{}' leaves no disk", options.measure.device_exclude));
  return fail("there is no disk to look at (loop, ram and zram devices are left out unless --device names them)");
}

// Null where requests are seen.
const ProbeStatus* missing_block_probe(const Reading& reading) {
  for (const ProbeStatus& probe : reading.probes)
    if (probe.name == "block" && !probe.up) return &probe;
  return nullptr;
}

}  // namespace

Result<Watched> watch(const DoctorOptions& options, const Fd& signals) {
  const bool remote = !options.agent.url.empty();
  auto disks = select_disks(options.measure, options.agent);
  if (!disks) return tl::unexpected(disks.error());
  if (!disks->missing.empty()) return fail(disks->missing.front());
  Watched watched;
  watched.notes = disks->notes;
  auto source = open_source(options, std::move(*disks));
  if (!source) return tl::unexpected(source.error());
  Progress progress;
  if (remote) progress.show("Asking " + (*source)->place() + " ...");
  auto first = read_one(**source);
  progress.clear();
  if (!first) return tl::unexpected(first.error());
  watched.origin = {(*source)->place(), first->header};
  if (auto found = check_disks(first->reading, options); !found) return tl::unexpected(found.error());
  watched.course.add(first->reading.topology, first->reading.snapshot);
  watched.first = watched.last = std::move(first->reading);
  if (const ProbeStatus* block = missing_block_probe(watched.first); block != nullptr && !remote) {
    // Waiting would bring little to somebody who only has to become root.
    watched.permitted = may_attach();
    if (!watched.permitted) return watched;
    std::fputs(fmt::format("vqscope: no requests are seen, only interrupts and vCPUs: {}\n", block->reason).c_str(),
               stderr);
  }

  const std::uint64_t tick = remote ? kRemoteTickNs : kLocalTickNs, start = monotonic_ns();
  const std::uint64_t end = start + static_cast<std::uint64_t>(options.duration_seconds * 1e9);
  for (std::uint64_t next = start; next < end;) {
    next = std::min(next + tick, end);
    const auto signal = wait_until(next, signals);
    if (!signal) return tl::unexpected(signal.error());
    if (*signal != 0) {
      watched.signal = *signal;
      break;
    }
    auto now = read_one(**source);
    if (!now) return tl::unexpected(now.error());
    if (now->segment != 0) return fail("the agent was started anew while it was watched; run this again");
    watched.course.add(now->reading.topology, now->reading.snapshot);
    watched.last = std::move(now->reading);
    const Snapshot &begin = watched.first.snapshot, &seen = watched.last.snapshot;
    progress.show(fmt::format("Watching, {:.0f} s of {:g} s: {}",
                              static_cast<double>(seen.time_ns - begin.time_ns) / 1e9, options.duration_seconds,
                              request_rates(begin, seen)));
  }
  return watched;
}

}  // namespace vqscope
