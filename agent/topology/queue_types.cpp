// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/queue_types.h"

#include <algorithm>
#include <set>
#include <span>

namespace vqscope {

namespace {

using Queues = std::span<HardwareQueue>;

std::set<std::uint32_t> cpus_of(Queues queues) {
  std::set<std::uint32_t> cpus;
  for (const HardwareQueue& queue : queues) cpus.insert(queue.cpus.begin(), queue.cpus.end());
  return cpus;
}

// Runs of queues in which no CPU occurs twice. Empty when they do not all cover the same CPUs, or when it is not known
// which a queue covers.
std::vector<Queues> split_by_coverage(Queues queues) {
  std::vector<Queues> runs;
  std::set<std::uint32_t> seen;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < queues.size(); ++i) {
    const auto& cpus = queues[i].cpus;
    if (cpus.empty()) return {};
    if (std::any_of(cpus.begin(), cpus.end(), [&](std::uint32_t cpu) { return seen.contains(cpu); })) {
      runs.push_back(queues.subspan(begin, i - begin));
      begin = i;
      seen.clear();
    }
    seen.insert(cpus.begin(), cpus.end());
  }
  runs.push_back(queues.subspan(begin));
  const auto all = cpus_of(runs.front());
  const bool even = std::all_of(runs.begin(), runs.end(), [&](Queues run) { return cpus_of(run) == all; });
  return even ? runs : std::vector<Queues>{};
}

bool interrupts(const Disk& disk, Queues queues) {
  return std::any_of(disk.interrupts.begin(), disk.interrupts.end(), [&](const InterruptLine& line) {
    return std::any_of(queues.begin(), queues.end(),
                       [&](const HardwareQueue& queue) { return line.queue == queue.index; });
  });
}

// Whether the last run is polled, where there are others; nullopt: not known.
std::optional<bool> is_polled(const GuestLimits& limits, const Disk& disk, Queues first, Queues last) {
  const bool each_has_a_line = std::all_of(disk.interrupts.begin(), disk.interrupts.end(),
                                           [](const InterruptLine& line) { return line.queue.has_value(); });
  if (each_has_a_line && interrupts(disk, first)) return !interrupts(disk, last);
  const auto parameter = disk.driver == "virtio_blk"    ? limits.virtio_blk_poll_queues
                         : disk.driver == "nvme"        ? limits.nvme_poll_queues
                         : disk.driver == "virtio_scsi" ? limits.virtio_scsi_poll_queues
                                                        : std::nullopt;
  if (parameter == last.size()) return true;  // a parameter that was changed after boot says nothing
  return parameter == 0U ? std::optional(false) : std::nullopt;
}

void set_type(Queues queues, QueueType type) {
  for (HardwareQueue& queue : queues) queue.type = type;
}

}  // namespace

void find_queue_types(const GuestLimits& limits, Disk& disk) {
  std::vector<Queues> runs = split_by_coverage(disk.queues);
  if (runs.empty() || runs.size() > 3) return;
  if (runs.size() > 1) {
    const auto polled = is_polled(limits, disk, runs.front(), runs.back());
    if (!polled || (!*polled && runs.size() == 3)) return;
    if (*polled) {
      set_type(runs.back(), QueueType::kPoll);
      runs.pop_back();
    }
  }
  set_type(runs.front(), QueueType::kDefault);
  if (runs.size() == 2) set_type(runs.back(), QueueType::kRead);
}

}  // namespace vqscope
