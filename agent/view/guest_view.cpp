// SPDX-License-Identifier: Apache-2.0
#include "agent/view/guest_view.h"

#include <algorithm>

#include "agent/model/window.h"

namespace vqscope {

namespace {

double ratio(std::uint64_t part, std::uint64_t all) { return static_cast<double>(part) / static_cast<double>(all); }

CpuView cpu_view(std::uint32_t cpu, const Snapshot& window) {
  CpuView view{cpu, std::nullopt, std::nullopt};
  if (cpu < window.cpu_times.size() && window.cpu_times[cpu].total > 0)
    view.stolen = ratio(window.cpu_times[cpu].steal, window.cpu_times[cpu].total);
  if (cpu < window.completion_cpus.size()) {
    const CompletionCpu& spent = window.completion_cpus[cpu];
    view.completing = std::min(1.0, ratio(spent.hardirq_ns + spent.softirq_ns, window.time_ns));
  }
  return view;
}

std::optional<double> busy_share(const GuestActivity& grown) {
  if (!grown.cpu) return std::nullopt;
  const CpuUse& use = *grown.cpu;
  const std::uint64_t busy = use.user + use.system + use.irq + use.softirq,
                      all = busy + use.idle + use.iowait + use.steal;
  return all == 0 ? std::nullopt : std::optional(ratio(busy, all));
}

}  // namespace

GuestView guest_view(const Reading* earlier, const Reading& later) {
  GuestView view;
  Snapshot window;
  if (earlier != nullptr && later.snapshot.time_ns > earlier->snapshot.time_ns) {
    window = difference_without_devices(earlier->snapshot, later.snapshot);  // disks are taken one by one
    view.seconds = static_cast<double>(window.time_ns) / 1e9;
    view.lost = losses_between(earlier->snapshot, later.snapshot);
  }
  for (const std::uint32_t cpu : later.topology.online_cpus) view.cpus.push_back(cpu_view(cpu, window));
  view.busy = busy_share(window.activity);
  return view;
}

}  // namespace vqscope
