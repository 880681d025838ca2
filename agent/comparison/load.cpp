// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "agent/comparison/bursts.h"
#include "agent/comparison/changes.h"
#include "agent/comparison/units.h"
#include "agent/model/operations.h"

namespace vqscope {

namespace {

// Loads differ when more than these changed.
constexpr double kLoadTolerance = 1.10;            // ratio of requests in flight, or of their rate
constexpr double kAloneCpus = 1.1, kManyCpus = 2;  // effective number of submitting vCPUs: one, several

// What tells of a load how it reacts: one of its numbers hardly moves with latency, by such a share of its scatter. A
// rate that is as free as those of loads that are limited by their vCPU is not one's own.
constexpr double kStillInFlight = 0.5, kStillRate = 0.25;
// That the rate stands still says something only while latency moves so much from second to second.
constexpr double kMoving = 0.05;

// With fewer in flight on average on both sides, requests do not wait for one another, and no load is deeper than
// another.
constexpr double kAlone = 0.9;
// That never more than one is in flight is no chance if it were one otherwise in so many recordings.
constexpr double kNoChance = 20;
// One request at a time that is in flight for most of the time: the disk, and not the pace of whoever asks, sets the
// rate.
constexpr double kMostlyInFlight = 0.5;

// Requests that circulate, against those in flight: jobs that think longer than twice the latency cannot be told from
// requests that come at a rate of their own.
constexpr double kMostCirculating = 3;
// A load that grew a little and yet is served so much faster is served better.
constexpr double kSlightlyMore = 1.25, kClearEffect = 1.25;
// Far more requests may be served faster by the same disk: nothing falls asleep in between.
constexpr double kNearRate = 1.5;
// So much more or less load explains what goes along with it, even where the recordings are too noisy to be sure of it.
constexpr double kPlainly = 1.5;
// How much faster than the rate latency rises in a queue that is 80 % busy: rho / (1 - rho).
constexpr double kQueueingElasticity = 4;
constexpr double kMostlyFull = 0.5;
// Bursts take so many times the average.
constexpr double kFarFromFull = 4;

// Settings by which the kernel, and not the load, makes requests of another size.
constexpr std::array<std::string_view, 6> kSizeSettings = {"read_ahead_kb", "max_sectors_kb",   "nomerges",
                                                           "max_segments",  "max_segment_size", "elevator"};

bool differs(const Ratio& ratio) { return ratio.certain() && magnitude(ratio) > std::log(kLoadTolerance); }

bool opposite(const Ratio& a, const Ratio& b) { return (a.value > 1) != (b.value > 1); }

// Within the median one of the seconds with requests: a thread that moves about is still one.
double submitting_cpus(const DeviceSeries& device) {
  std::vector<double> cpus;
  for (const Second& second : device.seconds)
    if (second.submission_cpus > 0) cpus.push_back(second.submission_cpus);
  return median(std::move(cpus)).value_or(0);
}

std::string other_mix(const Pair& pair) {
  double moved = 0;
  for (std::size_t op = 0; op < VQS_OPS; ++op)
    moved += std::abs(share(pair.before.totals, op) - share(pair.after.totals, op)) / 2;
  std::string mix;
  for (std::size_t op = 0; moved > kMixTolerance && op < VQS_OPS; ++op) {
    const double before = share(pair.before.totals, op), after = share(pair.after.totals, op);
    if (std::max(before, after) < kMajorShare) continue;
    mix += fmt::format("{}{:.0f} % {}s before, {:.0f} % after", mix.empty() ? "" : "; ", before * 100,
                       kOperationNames[op], after * 100);
  }
  return mix;
}

// The settings that may have made requests another size, and what came of it.
std::string why_other_sizes(const Pair& pair) {
  std::string why;
  for (const TopologyChange& change : changes_between(pair.before.disk, pair.after.disk))
    for (const std::string_view setting : kSizeSettings)
      if (change.what.ends_with(fmt::format(": {}", setting)))
        why += fmt::format("{}{} {} -> {}", why.empty() ? "" : ", ", setting, change.before, change.after);
  if (why.empty()) return why;
  return fmt::format(
      " ({} can do that, and then the requests are the kernel's and not the load's; in bytes: {}, of which nothing "
      "shows "
      "how much was wanted)",
      why, before_and_after(pair, kThroughput, [](double value) { return format_bytes(value) + "/s"; }));
}

std::string other_sizes(const Pair& pair) {
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    if (share(pair.before.totals, op) < kMajorShare) continue;
    const auto size = pair.ratio(op_number(op, kOpSize));
    if (size && magnitude(*size) > std::log(kSizeTolerance))
      return fmt::format("{}s of {}{}", kOperationNames[op],
                         before_and_after(pair, op_number(op, kOpSize), format_bytes), why_other_sizes(pair));
  }
  return {};
}

std::string other_submitters(const Pair& pair) {
  if (pair.before.online_cpus != pair.after.online_cpus) return {};  // no wonder, then
  const double before = submitting_cpus(pair.before), after = submitting_cpus(pair.after);
  if (std::min(before, after) > kAloneCpus || std::max(before, after) < kManyCpus) return {};
  return fmt::format("requests came from {:.1f} vCPUs before, {:.1f} after", before, after);
}

// How much more latency, as a logarithm, a load explains that changed within its tolerance.
double explained(const Ratio& load, const Ratio& latency, double elasticity) {
  return load.certain() && !opposite(load, latency) ? elasticity * magnitude(load) : 0;
}

// Whether the same requests may circulate on both sides, N = L + X Z with the same think time Z: what is not in flight
// on one side thinks there, and that takes N / L times the latency together with it.
bool may_circulate(const Ratio& rate, const Ratio& concurrency) {
  if (!opposite(rate, concurrency)) return false;
  const double less = std::min(concurrency.value, 1 / concurrency.value), more = std::max(rate.value, 1 / rate.value);
  return 1 + (1 - less) / (more - 1) <= kMostCirculating;
}

// What the seconds of a recording say of each of the three numbers, as logarithms.
struct Seconds {
  std::vector<double> rate, latency, concurrency;
};

Seconds seconds_of(const DeviceSeries& device) {
  Seconds logs;
  for (const Second& second : device.seconds) {
    double time = 0, requests = 0;
    for (const Boxed<OpSecond>& op : second.ops) {
      if (!op) continue;
      time += static_cast<double>(op->device.sum_ns + op->queue.sum_ns);
      requests += static_cast<double>(op->requests);
    }
    if (time == 0 || second.queued_seconds == 0) continue;
    logs.rate.push_back(std::log(requests / second.seconds));
    logs.latency.push_back(std::log(time / requests));
    logs.concurrency.push_back(std::log(second.queued_seconds / second.seconds));
  }
  return logs;
}

// In flight in a usual second: a single request that took seconds does not count.
double usually_in_flight(const DeviceSeries& device) {
  const auto usual = median(seconds_of(device).concurrency);
  return usual ? std::exp(*usual) : 0;
}

// Requests that wait for a tag are not seen. They may have on the side with fewer tags.
bool waited_for_tags(const Pair& pair) {
  const auto before = pair.before.most_started, after = pair.after.most_started;
  return before && after && *before != *after &&
         *std::min(before, after) <
             kFarFromFull * std::max(usually_in_flight(pair.before), usually_in_flight(pair.after));
}

// How sure it is that one request circulates, as the logarithm of the odds against chance; nullopt if that is not so.
// If requests came independently of each other, L of them on average, more than one would be in flight at a reading
// with the probability 1 - (1 + L) / e^L.
std::optional<double> sure_of_one(const DeviceSeries& device) {
  if (device.totals.queued_seconds > device.totals.seconds) return std::nullopt;
  double evidence = 0;
  for (const Second& second : device.seconds) {
    if (second.in_flight > 1) return std::nullopt;
    const double in_flight = second.queued_seconds / second.seconds;
    evidence += in_flight - std::log1p(in_flight);
  }
  return evidence;
}

bool one_at_a_time(const DeviceSeries& device) { return sure_of_one(device).value_or(0) > std::log(kNoChance); }

// What to do where a longer recording would show that there is one request at a time; empty where nothing looks like
// it.
std::string longer_for_one(const Pair& pair) {
  double seconds = 0;
  for (const DeviceSeries* side : {&pair.before, &pair.after}) {
    const auto sure = sure_of_one(*side);
    if (!sure || *sure <= 0) return {};
    seconds = std::max(seconds, side->totals.seconds * std::log(kNoChance) / *sure);
  }
  constexpr double kLongest = 3600, kStep = 10;
  if (seconds > kLongest) return {};
  return fmt::format(
      "; no reading found more than one in flight: if this is one request at a time, {:.0f} s of each side would show "
      "it",
      std::ceil(seconds / kStep) * kStep);
}

// Whether an amount of load seems to have changed so much that latency may only have followed it.
bool may_explain(const Ratio& load, const Ratio& latency) {
  return !load.certain() && magnitude(load) > std::log(kPlainly) && !opposite(load, latency);
}

// "in the median second, requests per second 400 before, 800 after; in flight on average 8 before, 16 after"
std::string told_amounts(const Pair& pair, const Amounts& numbers, bool with_in_flight = true) {
  std::string text = fmt::format("{}, requests per second {}", scope_of(numbers.rate),
                                 before_and_after(pair, numbers.rate, format_count));
  if (with_in_flight) text += "; in flight on average " + before_and_after(pair, numbers.in_flight, format_count);
  return text;
}

// How much of the load there is, by what the recordings show of how it reacts.
LoadMatch match_amount(const Pair& pair) {
  const Amounts numbers = amounts_of(pair);
  const Ratio rate = *pair.ratio(numbers.rate), concurrency = *pair.ratio(numbers.in_flight),
              latency = *pair.ratio(numbers.latency);
  LoadMatch match;
  const LoadKind before = kind_of(pair.before), after = kind_of(pair.after);
  const bool open = before == LoadKind::kOpen && after == LoadKind::kOpen;
  const bool both_closed = before == LoadKind::kClosed && after == LoadKind::kClosed;
  const double most = std::max(usually_in_flight(pair.before), usually_in_flight(pair.after));
  // As many in flight on both sides to within the tolerance for certain is no chance.
  const bool pinned = !open && concurrency.high < kLoadTolerance && concurrency.low > 1 / kLoadTolerance;
  const bool alternating = one_at_a_time(pair.before) && one_at_a_time(pair.after);
  // In flight for more than half of the time, as a closed load is, and fewer than one of them: it is one.
  const bool single = (both_closed && most < 1) || alternating;
  const bool closed = pinned || both_closed;
  const bool other_rate = differs(rate), other_depth = differs(concurrency);
  const bool near = magnitude(rate) <= std::log(kNearRate);
  const bool done_otherwise = latency.certain() && opposite(rate, latency);  // more in less time, or less in more
  // Whoever has one request at a time and thinks for less of the time is served better, if latency says so, too.
  const bool waits = std::min(usually_in_flight(pair.before), usually_in_flight(pair.after)) >= kMostlyInFlight;
  match.rate_counts = single ? waits && done_otherwise : closed;
  if (waited_for_tags(pair)) {
    match.latency_counts = false;
    match.rate_counts = true;
    if (open) match.difference = "requests waited for a tag where nothing sees them, and their rate is their own";
    return match;
  }
  if (single) return match;
  if (may_explain(rate, latency) || (!open && !pinned && may_explain(concurrency, latency))) {
    match.differs = false;
    match.difference = fmt::format("{}, which the recordings are too noisy to be sure of; {}",
                                   told_amounts(pair, numbers), better_recordings(pair));
    return match;
  }
  if (!other_depth && (!other_rate || pinned || (done_otherwise && (closed || near)))) {
    match.rate_counts = closed || other_rate;
    match.allowance = closed ? explained(concurrency, latency, 1) : explained(rate, latency, kQueueingElasticity);
    return match;
  }
  // With all tags in use the load was at least what the disk could take, and nobody knows how much more.
  const auto& censored = concurrency.value > 1 ? pair.before.full_share : pair.after.full_share;
  if (other_depth && censored.value_or(0) >= kMostlyFull) {
    match.rate_counts = true;
    match.latency_counts = false;
    return match;
  }
  if (!other_rate) {
    if (open || (!closed && most < kAlone)) {
      match.allowance = explained(rate, latency, kQueueingElasticity);
      return match;
    }
    match.difference = fmt::format(
        "{}; the rate did not change for certain, but nothing shows that the requests come at a rate of their own, and "
        "then {}",
        told_amounts(pair, numbers),
        concurrency.value > 1 ? "more in flight is a deeper load, not a slower disk"
                              : "fewer in flight is a shallower load, not a faster disk");
    return match;
  }
  if (other_depth && (open ? near && opposite(rate, concurrency) : may_circulate(rate, concurrency))) {
    match.rate_counts = !open;
    return match;
  }
  if (other_depth && magnitude(concurrency) <= std::log(kSlightlyMore) && done_otherwise &&
      magnitude(latency) > std::log(kClearEffect) && near)
    return match;
  match.differs = other_depth;
  match.difference = told_amounts(pair, numbers, other_depth);
  if (!other_depth) match.difference += ", and it is not certain that they were served in another time";
  return match;
}

}  // namespace

LoadKind kind_of(const DeviceSeries& device) {
  const Seconds logs = seconds_of(device);
  const double moving = scatter(logs.latency);
  if (scatter(logs.concurrency) < kStillInFlight * moving) return LoadKind::kClosed;
  return moving >= kMoving && scatter(logs.rate) < kStillRate * moving ? LoadKind::kOpen : LoadKind::kUnknown;
}

std::string other_requests(const Pair& pair) {
  for (const auto& other : {other_mix, other_sizes, other_submitters})
    if (std::string difference = other(pair); !difference.empty()) return difference;
  return {};
}

LoadMatch match_loads(const Pair& pair) {
  LoadMatch match;
  match.difference = other_requests(pair);
  if (!match.difference.empty()) {
    match.difference += too_long_for_bursts(pair);
    return match;
  }
  match = match_amount(pair);
  if (!match.difference.empty()) match.difference += longer_for_one(pair);
  return match;
}

}  // namespace vqscope
