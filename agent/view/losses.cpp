// SPDX-License-Identifier: Apache-2.0
#include "agent/view/losses.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "agent/diagnosis/phrases.h"
#include "agent/model/window.h"

namespace vqscope {

namespace {

std::uint64_t sum(const std::vector<std::uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

// That were counted, of the disks that are in both readings.
std::uint64_t counted(const Snapshot& earlier, const Snapshot& later,
                      std::vector<std::uint64_t> (*of)(const DeviceSnapshot&)) {
  std::uint64_t all = 0;
  for (const DeviceSnapshot& device : later.devices) {
    const DeviceSnapshot* before = find_device(earlier, device);
    if (before == nullptr) continue;
    const std::uint64_t then = sum(of(*before)), now = sum(of(device));
    all += now - std::min(now, then);
  }
  return all;
}

// 0.02 is not "< 1 %" of no matter what.
std::string small_percent(double share) {
  constexpr double kPercent = 0.01;
  return share < kPercent ? fmt::format("{:.1g} %", 100 * share) : percent(share);
}

}  // namespace

const std::array<LossKind, VQS_LOSSES> kLossKinds = {{
    {"request", "which were issued before the probes were attached",
     "They were in flight when the measurement began, so it is not known how long they took. It happens once, at the "
     "start, and means nothing else."},
    {"request", "whose issue was not seen",
     "Their completion was seen, and of their issue the kernel had run no program: it does not run one inside of "
     "itself on the same CPU, as from Linux 7.0 on where tasks preempt each other. They are in no count and no time."},
    {"request", "whose completion was not seen",
     "Their issue was seen, and for their completion the kernel ran no program. Seen on a busy host, where whole "
     "interrupts were hidden from every tracer in the guest, perf too. They are in no count and no time of completed "
     "requests, so rates are too low by the share that is told, and the times are those of the other requests. Until "
     "it is found out, in a second or two or when their tag is used again, they count as in flight."},
    {"event", "of disks for which there was no room",
     "There are more disks, or disks came and went more often, than the memory that was taken at the start holds. Of "
     "these disks nothing is counted; start the agent again."},
    {"event", "of hardware queues that are not known yet",
     "A disk got more hardware queues a moment ago. They are counted from the next look at the disks on, at the "
     "latest some seconds later."},
    {"event", "of tags that are not known yet",
     "A disk's queues got deeper a moment ago. Their requests are counted from the next look at the disks on, at the "
     "latest some seconds later."},
    {"notification", "of which only one end was seen",
     "Of a notification of the host the kernel ran one program only, at its begin or at its end. It is not in the "
     "notifications' count and time; requests are not concerned."},
    {"interrupt", "of which the kernel told no program",
     "They are in /proc/interrupts, and nobody was told of them. Looked for every ten seconds, so they may be of "
     "before the time that is shown. Requests that they completed are missing likewise, as stale_slot."},
    {"wait", "for locks of which only one end was seen",
     "Of a wait for a disk's lock the kernel ran one program only, or it was not certain any more that the lock was "
     "the disk's. It is not in the time of waits for locks; requests are not concerned."},
}};

std::optional<double> Loss::share() const {
  if (!all || *all == 0) return std::nullopt;
  return static_cast<double>(events) / static_cast<double>(*all);
}

std::optional<std::vector<Loss>> losses_between(const Snapshot& earlier, const Snapshot& later) {
  if (!earlier.losses || !later.losses) return std::nullopt;
  std::array<std::uint64_t, VQS_LOSSES> lost{};
  bool any = false;
  for (std::size_t kind = 0; kind < lost.size(); ++kind) {
    lost[kind] = (*later.losses)[kind] - std::min((*later.losses)[kind], (*earlier.losses)[kind]);
    any |= lost[kind] > 0;
  }
  std::vector<Loss> losses;
  if (!any) return losses;
  const std::uint64_t requests = counted(earlier, later, submissions_per_cpu) + lost[VQS_LOST_IN_FLIGHT_AT_ATTACH] +
                                 lost[VQS_LOST_UNMATCHED] + lost[VQS_LOST_STALE_SLOT];
  for (std::size_t kind = 0; kind < lost.size(); ++kind) {
    if (lost[kind] == 0) continue;
    Loss& loss = losses.emplace_back(Loss{kind, lost[kind], std::nullopt});
    // Interrupts are found to be missing some time later, so they are of no window.
    if (kLossKinds[kind].what == "request") loss.all = requests;
  }
  return losses;
}

std::string tell(const Loss& loss) {
  const LossKind& kind = kLossKinds[loss.kind];
  const auto events = static_cast<double>(loss.events);
  const std::string how_many = loss.all ? fmt::format("{} of {} ({})", grouped(events),
                                                      plural(static_cast<double>(*loss.all), std::string(kind.what)),
                                                      small_percent(*loss.share()))
                                        : plural(events, std::string(kind.what));
  return fmt::format("Not counted: {}{} {} [{}]", how_many, kind.what == "request" ? "," : "", kind.details,
                     kLossNames[loss.kind]);
}

}  // namespace vqscope
