// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/watch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <limits.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>

#include "agent/base/clock.h"
#include "agent/base/terminal_width.h"
#include "agent/base/text.h"
#include "agent/daemon/collector.h"
#include "agent/daemon/disk_selection.h"
#include "agent/daemon/required_probes.h"
#include "agent/daemon/rights.h"
#include "agent/diagnosis/phrases.h"
#include "agent/model/cpu_load.h"
#include "agent/model/window.h"
#include "agent/recording/fetch.h"

namespace vqscope {

namespace {

// How long a slice of time is in which a queue may have been full. A reading of this guest costs well below a
// millisecond; one of another agent is a scrape.
constexpr std::uint64_t kLocalTickNs = 100'000'000, kRemoteTickNs = 1'000'000'000;
// Disks and CPUs that come and go are looked for once a second.
constexpr unsigned kRefreshTicks = 10;

using Source = std::function<Result<Reading>()>;

Result<Source> local_source(const DoctorOptions& options, DeviceFilter filter) {
  auto created = Collector::create({options.measure.paths, std::move(filter), options.measure.required_probes});
  if (!created) return tl::unexpected(created.error());
  return Source([collector = std::shared_ptr<Collector>(std::move(*created)), tick = 0U]() mutable -> Result<Reading> {
    if (++tick % kRefreshTicks == 0 || collector->outdated()) collector->refresh();
    return collector->reading();
  });
}

// `origin`, which has to outlive the source, is told at the first reading.
Result<Source> remote_source(const DoctorOptions& options, DiskSelection disks, Origin& origin) {
  auto created = AgentClient::create(options.agent);
  if (!created) return tl::unexpected(created.error());
  return Source([client = std::make_shared<AgentClient>(std::move(*created)),
                 kept = std::make_shared<DiskSelection>(std::move(disks)), required = options.measure.required_probes,
                 &origin, since = std::optional<std::uint64_t>()]() mutable -> Result<Reading> {
    auto snapshot = client->snapshot();
    if (!snapshot) return tl::unexpected(snapshot.error());
    if (since.value_or(snapshot->header.counting_since_ns) != snapshot->header.counting_since_ns)
      return fail("the agent was started anew while it was watched; run this again");
    Reading& reading = snapshot->reading;
    // One that goes away later is told of in the report.
    if (!since) {
      if (auto found = check_named(*kept, reading.topology); !found) return tl::unexpected(found.error());
      if (auto up = check_required(required, reading.probes); !up) return tl::unexpected(up.error());
      origin = {fmt::format("the agent at {}", client->url()), snapshot->header};
    }
    since = snapshot->header.counting_since_ns;
    const DeviceFilter& filter = kept->filter;
    std::erase_if(reading.topology.disks, [&](const Disk& disk) { return !filter.accepts(disk.name); });
    std::erase_if(reading.snapshot.devices, [&](const DeviceSnapshot& disk) { return !filter.accepts(disk.name); });
    return std::move(reading);
  });
}

// Empty if the kernel does not tell.
std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// A line that is written over again and again.
class Progress {
 public:
  Progress() : shown_(::isatty(STDERR_FILENO) == 1) {}
  ~Progress() {
    if (shown_) std::fputs("\r\x1b[K", stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // No longer than a line of the terminal: what runs over could not be taken away.
  void show(const Reading& first, const Reading& last, double duration) const {
    if (!shown_) return;
    const Snapshot window = difference(first.snapshot, last.snapshot);
    const double seconds = static_cast<double>(window.time_ns) / 1e9;
    std::vector<std::string> rates;
    for (const DeviceSnapshot& device : window.devices) {
      std::uint64_t requests = 0;
      for (const std::uint64_t count : submissions_per_cpu(device)) requests += count;
      if (rates.size() < 4)
        rates.push_back(fmt::format("{} {} requests/s", device.name,
                                    grouped(seconds > 0 ? static_cast<double>(requests) / seconds : 0)));
    }
    const std::string line = fmt::format("Watching, {:.0f} s of {:g} s: {}", seconds, duration, fmt::join(rates, ", "));
    std::fputs(("\r\x1b[K" + line.substr(0, terminal_width(STDERR_FILENO) - 1)).c_str(), stderr);
    std::fflush(stderr);
  }

 private:
  bool shown_;
};

// Waits until `deadline_ns`; the signal that came meanwhile, or 0.
Result<int> wait_until(std::uint64_t deadline_ns, const Fd& signals) {
  for (;;) {
    const std::uint64_t now = monotonic_ns();
    if (now >= deadline_ns) return 0;
    const std::uint64_t left = deadline_ns - now;
    const timespec timeout = {static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
    pollfd watched = {signals.get(), POLLIN, 0};
    const int ready = ::ppoll(&watched, 1, &timeout, nullptr);
    if (ready < 0 && errno != EINTR) return fail_errno("cannot wait for signals");
    if (ready <= 0) continue;
    signalfd_siginfo signal = {};
    if (::read(signals.get(), &signal, sizeof signal) != sizeof signal) return fail_errno("cannot read a signal");
    return static_cast<int>(signal.ssi_signo);
  }
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

// /proc/stat of the guest that is watched; nullopt for that of an agent elsewhere, or where it cannot be read.
std::optional<std::string> cpu_stat(const DoctorOptions& options) {
  if (!options.agent.url.empty()) return std::nullopt;
  auto text = read_file(options.measure.paths.procfs / "stat");
  return text ? std::optional(std::move(*text)) : std::nullopt;
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
  auto source = remote ? remote_source(options, std::move(*disks), watched.origin)
                       : local_source(options, std::move(disks->filter));
  if (!source) return tl::unexpected(source.error());
  if (!remote) watched.origin = {host_name(), make_recording_header(options.measure.paths.procfs, 0)};

  auto first = (*source)();
  if (!first) return tl::unexpected(first.error());
  if (auto found = check_disks(*first, options); !found) return tl::unexpected(found.error());
  watched.course.add(first->topology, first->snapshot);
  watched.first = watched.last = std::move(*first);
  if (const ProbeStatus* block = missing_block_probe(watched.first); block != nullptr && !remote) {
    // Waiting would bring little to somebody who only has to become root.
    watched.permitted = may_attach();
    if (!watched.permitted) return watched;
    std::fputs(fmt::format("vqscope: no requests are seen, only interrupts and vCPUs: {}\n", block->reason).c_str(),
               stderr);
  }

  const Progress progress;
  const auto stat = cpu_stat(options);
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
    auto reading = (*source)();
    if (!reading) return tl::unexpected(reading.error());
    watched.course.add(reading->topology, reading->snapshot);
    watched.last = std::move(*reading);
    progress.show(watched.first, watched.last, options.duration_seconds);
  }
  if (const auto end_stat = cpu_stat(options); stat && end_stat) watched.full_cpus = full_cpus(*stat, *end_stat);
  return watched;
}

}  // namespace vqscope
