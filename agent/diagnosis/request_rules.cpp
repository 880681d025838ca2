// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/diagnosis/full_time.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/model/window.h"

namespace vqscope {

namespace {

constexpr std::array<std::string_view, VQS_OPS> kOps = {"read", "write", "flush", "discard", "other"};

double seconds(const Histogram& histogram) { return static_cast<double>(histogram.sum_ns) / 1e9; }

double mean(const Histogram& histogram) {
  return histogram.count() == 0 ? 0 : seconds(histogram) / static_cast<double>(histogram.count());
}

std::optional<std::uint32_t> limit_of(const DiskEvidence& evidence, std::size_t queue) {
  const auto limit = request_limit(evidence.disk, queue);
  const auto depth = evidence.disk.facts.queue_depth;
  return limit && depth ? std::min(*limit, *depth) : limit;
}

// The queue that was at its limit for the largest share of the time, if that was long enough.
std::optional<std::size_t> full_queue(const DiskEvidence& evidence) {
  std::optional<std::size_t> fullest;
  const auto& queues = evidence.measured.queues;
  for (std::size_t q = 0; q < queues.size(); ++q) {
    const double share = queues[q].full_share.value_or(0);
    if (share < kFullTime || limit_of(evidence, q).value_or(0) < kSmallestLimit) continue;
    if (!fullest || share > *queues[*fullest].full_share) fullest = q;
  }
  return fullest;
}

}  // namespace

std::optional<Found> queue_full(const DiskEvidence& evidence) {
  const auto queue = full_queue(evidence);
  if (!queue || evidence.measured.requests_rate < kJudgedRate) return std::nullopt;
  const QueueLoad& load = evidence.measured.queues[*queue];
  const std::uint32_t limit = *limit_of(evidence, *queue);
  Found found;
  found.severity = Severity::kWarning;
  found.remedy = Remedy::kDeepenQueue;
  found.evidence = {
      fmt::format("Queue {} of {} holds {} requests at the most and was full for {} of the time; on "
                  "average {} were in flight.",
                  *queue, evidence.disk.name, limit, percent(*load.full_share), grouped(load.average_inflight))};
  found.numbers = {{"queue", static_cast<double>(*queue)},
                   {"limit", limit},
                   {"full_ratio", *load.full_share},
                   {"average_inflight", load.average_inflight}};
  return found;
}

std::optional<Found> stuck_request(const DiskEvidence& evidence) {
  const double age = evidence.measured.oldest_seconds.value_or(0);
  if (age < kStuckSeconds) return std::nullopt;
  Found found;
  found.severity = age >= kStuckCriticalSeconds ? Severity::kCritical : Severity::kWarning;
  found.remedy = Remedy::kFindHang;
  found.evidence = {fmt::format("The oldest request at {} has been there for {}; {} in flight.", evidence.disk.name,
                                duration(age), plural(evidence.measured.inflight, "request"))};
  found.numbers = {{"oldest_seconds", age}, {"inflight", evidence.measured.inflight}};
  return found;
}

std::optional<Found> io_errors(const DiskEvidence& evidence) {
  Found found;
  std::uint64_t total = 0;
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    const std::uint64_t errors = evidence.measured.ops[op].errors;
    if (errors == 0) continue;
    total += errors;
    found.evidence.push_back(fmt::format("{} of {} failed.",
                                         plural(static_cast<double>(errors), std::string(kOps[op]) + " request"),
                                         evidence.disk.name));
    found.numbers.emplace_back(fmt::format("{}_errors", kOps[op]), static_cast<double>(errors));
  }
  if (total == 0) return std::nullopt;
  const auto& ops = evidence.measured.ops;
  const std::uint64_t data = ops[VQS_READ].errors + ops[VQS_WRITE].errors + ops[VQS_FLUSH].errors;
  // A discard or a vendor's command that the disk does not know does no harm.
  found.severity = data > 0 ? Severity::kCritical : Severity::kInfo;
  found.remedy = Remedy::kFindErrors;
  return found;
}

std::optional<Found> requeues(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  if (measured.seconds <= 0) return std::nullopt;
  const double rate = static_cast<double>(measured.requeues) / measured.seconds;
  if (rate < kRequeueRate || rate < kRequeueShare * measured.requests_rate) return std::nullopt;
  Found found;
  found.severity = Severity::kWarning;
  found.remedy = Remedy::kDeepenQueue;
  found.evidence = {fmt::format("The driver pushed {} requests/s back, of {} requests/s that it completed.",
                                grouped(rate), grouped(measured.requests_rate))};
  found.numbers = {{"requeues_per_second", rate}, {"requests_per_second", measured.requests_rate}};
  return found;
}

std::optional<Found> host_latency(const DiskEvidence& evidence) {
  std::optional<Found> worst;
  double worst_ratio = 0;
  // Not flushes: how long they take is the nature of the storage below.
  for (const std::size_t op : {std::size_t{VQS_READ}, std::size_t{VQS_WRITE}}) {
    const OpLoad& load = evidence.measured.ops[op];
    const auto median = quantile(load.device, 0.5), tail = quantile(load.device, 0.99);
    if (load.device.count() < kTailRequests || !median || !tail || *median <= 0) continue;
    const double host = mean(load.device), guest = mean(load.queue), ratio = *tail / *median;
    if (host < kHostShare * (host + guest) || ratio < kTailRatio || *tail < kTailSeconds || ratio <= worst_ratio)
      continue;
    worst_ratio = ratio;
    Found& found = worst.emplace();
    found.severity = Severity::kWarning;
    found.remedy = Remedy::kHostIo;
    found.evidence = {
        fmt::format("Half of the {}s are done within {} of being handed to the host, but one in a hundred takes {} or "
                    "more: {:.0f} times as long.",
                    kOps[op], duration(*median), duration(*tail), ratio),
        fmt::format("{} of their time passes on the host's side.", percent(host / (host + guest)))};
    found.numbers = {{"device_p50_seconds", *median},
                     {"device_p99_seconds", *tail},
                     {"device_mean_seconds", host},
                     {"queue_mean_seconds", guest}};
  }
  return worst;
}

std::optional<Found> guest_latency(const DiskEvidence& evidence) {
  if (full_queue(evidence)) return std::nullopt;
  std::optional<Found> worst;
  double worst_time = 0;
  for (const std::size_t op : {std::size_t{VQS_READ}, std::size_t{VQS_WRITE}}) {
    const OpLoad& load = evidence.measured.ops[op];
    const double host = mean(load.device), guest = mean(load.queue);
    if (load.queue.count() < kTailRequests || guest < kGuestSeconds || guest < kGuestShare * (host + guest) ||
        guest <= worst_time)
      continue;
    worst_time = guest;
    Found& found = worst.emplace();
    found.severity = Severity::kWarning;
    found.remedy = Remedy::kGuestQueueing;
    found.evidence = {fmt::format("A {} waits {} inside this guest before it is handed to the host, and {} there.",
                                  kOps[op], duration(guest), duration(host))};
    if (!evidence.disk.scheduler.empty())
      found.evidence.push_back(fmt::format("The elevator is {}.", evidence.disk.scheduler));
    if (const auto target = evidence.disk.facts.wbt_lat_usec; target && op == VQS_WRITE)
      found.evidence.push_back(*target == 0 ? std::string("Writeback throttling is off.")
                                            : fmt::format("Writeback throttling aims at {}.", duration(*target / 1e6)));
    found.numbers = {{"queue_mean_seconds", guest}, {"device_mean_seconds", host}};
  }
  return worst;
}

}  // namespace vqscope
