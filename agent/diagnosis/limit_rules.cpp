// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>

#include "agent/diagnosis/host_remedies.h"
#include "agent/diagnosis/limit.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/platform.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/model/operations.h"
#include "agent/model/window.h"

namespace vqscope {

namespace {

double mean_device_seconds(const Measured& measured) {
  const Histogram latency = device_latency(measured);
  const auto count = static_cast<double>(latency.count());
  return count > 0 ? static_cast<double>(latency.sum_ns) / 1e9 / count : 0;
}

// The operation that has most requests: reads or writes.
std::size_t main_operation(const Measured& measured) {
  return measured.ops[VQS_WRITE].device.count() > measured.ops[VQS_READ].device.count() ? VQS_WRITE : VQS_READ;
}

// Nearly all requests take equally long, and longer than storage takes for one.
bool wait_in_line(const Measured& measured) {
  const Histogram& latency = measured.ops[main_operation(measured)].device;
  const auto least = quantile(latency, 0.1), median = quantile(latency, 0.5), most = quantile(latency, 0.9);
  if (latency.count() < kSteadyRequests || !median) return false;
  if (*median >= kSlowSeconds && are_about_as_slow(latency)) return true;
  return *median >= kQueuedSeconds && *most <= kEvenRatio * *median && *median <= kEvenRatio * *least;
}

// So many in flight, at so steady a rate, that what takes them long may well be each other.
bool is_deep(const Steadiness& steadiness) {
  return steadiness.inflight >= kDeepInflight && steadiness.spread() <= kSteadySpread &&
         2 * steadiness.unrest <= steadiness.inflight;
}

// Steadier than the sum of so many requests, each of which takes its own time, comes out by chance.
bool is_set(const Steadiness& steadiness) {
  return steadiness.slices >= kSomeSeconds && steadiness.spread() <= kSetSpread &&
         steadiness.spread() * std::sqrt(steadiness.requests_rate) <= kSetScatter;
}

// "0.12 %"
std::string fine_percent(double share) {
  return share < 0.0001 ? "less than 0.01 %" : fmt::format("{:.2g} %", 100 * share);
}

std::string told_sign(const Steadiness& steadiness, const Limit& limit) {
  const std::string kept =
      fmt::format("Over {} the rate kept to {} (standard deviation{})",
                  plural(static_cast<double>(steadiness.slices), "second"), fine_percent(steadiness.spread()),
                  steadiness.slices >= kSomeSeconds ? ", without the three tenths that are furthest off" : "");
  if (!limit.seen)
    return fmt::format("{}{}: that more of them bring no more was not seen.", kept,
                       steadiness.inflight_spread <= kPlateauSpread
                           ? ", but in flight were nearly as many all the time"
                           : fmt::format(", with between {} and {} in flight", grouped(steadiness.least_inflight),
                                         grouped(steadiness.most_inflight)));
  if (steadiness.is_of_bytes())
    return fmt::format("{}, in bytes/s, while requests/s varied by {}: bytes/s stayed, whatever the requests' sizes.",
                       kept, fine_percent(steadiness.requests_spread));
  return fmt::format(
      "{} while between {} and {} were in flight, which varied by {}: with more in flight each took longer, and no "
      "more got through.",
      kept, grouped(steadiness.least_inflight), grouped(steadiness.most_inflight),
      fine_percent(steadiness.inflight_spread));
}

std::string told_limit(const Steadiness& steadiness, const Limit& limit) {
  // A rate is called a limit where all that was seen speaks for one.
  const std::string_view lead = !limit.doubt.empty() || (limit.seen && !limit.looks_set) ? "The rate stood at"
                                : limit.seen                                             ? "The limit is"
                                                                                         : "If that is a limit, it is";
  const std::string requests = grouped(steadiness.requests_rate) + " requests/s",
                    bytes = throughput(steadiness.bytes_rate);
  if (steadiness.is_of_bytes()) return fmt::format("{} {}.", lead, bytes);
  if (steadiness.is_of_requests()) return fmt::format("{} {}.", lead, requests);
  return fmt::format("{} {} or {}; which of them it is that stays does not show with requests of about the same size.",
                     lead, requests, bytes);
}

std::string told_latency(const Measured& measured) {
  const std::size_t op = main_operation(measured);
  const Histogram& latency = measured.ops[op].device;
  return fmt::format(
      "Half of the {}s took {} or more at the device, and nine in ten no more than {}. The fastest one in a hundred "
      "took "
      "{} or less.",
      kOperationNames[op], duration(quantile(latency, 0.5).value_or(0)), duration(quantile(latency, 0.9).value_or(0)),
      duration(quantile(latency, 0.01).value_or(0)));
}

// who_serves() where what one queue brings less others bring more.
std::string_view who_serves_all(const Topology& topology) {
  return may_be_own_host(topology) ? "one thread of the host that serves all queues"
                                   : "what serves all queues outside this guest";
}

// The disk is the hypervisor's, one of whose threads may serve its queues.
bool is_served_by_a_thread(const DiskEvidence& evidence) {
  return is_hosts_disk(evidence) && !is_passed_through(evidence.topology, evidence.disk);
}

// What the host had to be told of says whether it waited for work. Empty where that says nothing.
std::string told_notifications(const DiskEvidence& evidence) {
  const auto& share = evidence.measured.notified_share;
  // virtio-scsi's notifications are those of all of the controller's disks.
  if (!share || kind_of(evidence.disk) != DiskKind::kVirtioBlk || !is_served_by_a_thread(evidence)) return {};
  const std::string told = fmt::format("The host was notified {} times for 100 requests", grouped(100 * *share));
  if (*share >= kNotifiedOften)
    return told +
           ": as a rule what serves the queue there was done with all that it knew of, which speaks against it as the "
           "reason.";
  if (*share <= kNotifiedSeldom)
    return told +
           ": of the others it learned while it was at work on the queue, or they were sent together. It is like this "
           "where what serves the queue is always busy.";
  return {};
}

// Empty where queues tell nothing of it.
std::string told_queues(const Measured& measured, const Limit& limit) {
  if (!limit.shared) return {};
  return fmt::format(
      "In these seconds queue {} went between {} and {} requests/s: what one queue brought less, others brought more. "
      "So it is something that they share, and not what serves a single queue.",
      measured.moved_queue->queue, grouped(measured.moved_queue->rate.least), grouped(measured.moved_queue->rate.most));
}

std::string told_cause(const DiskEvidence& evidence, const Limit& limit) {
  const bool is_served = is_served_by_a_thread(evidence);
  const std::string server(limit.shared ? who_serves_all(evidence.topology) : who_serves(evidence));
  if (limit.looks_set)
    return fmt::format(
        "So steady a rate is what a limit makes that somebody has set, on the disk or on the machine; storage{} that "
        "is at its own end wavers more, as a rule, and a program that sends at a rate of its own may be as steady. "
        "That is likely, and not certain.",
        is_served ? " or " + server : "");
  return fmt::format(
      "What it is does not show here: a limit that somebody has set, storage that has no more to give{}{}. The same "
      "load on two disks at once tells: if each gets as much as one alone, it is the disk's own{}; if they share it, "
      "the storage or the machine's limit.",
      is_served ? ", " + server : "",
      limit.seen ? ", or a program that sends no faster" : "; or each request takes that long, however many there are",
      is_served ? " limit, or what serves it" : " limit");
}

}  // namespace

std::string_view who_serves(const DiskEvidence& evidence) {
  const bool is_one = evidence.disk.queues.size() == 1;
  if (may_be_own_host(evidence.topology))
    return is_one ? "the one thread of the host that serves the queue"
                  : "the threads of the host that serve its queues";
  return is_one ? "what serves the queue outside this guest" : "what serves its queues outside this guest";
}

bool are_about_as_slow(const Histogram& latency) {
  const auto median = quantile(latency, 0.5), more = quantile(latency, 0.8), most = quantile(latency, 0.9);
  return median && (*most <= kSteadyRatio * *median || *more <= kSteadyRatioOfMost * *median);
}

bool is_held_up_here(const Measured& measured) {
  if (measured.cost &&
      (measured.cost->ratio().value_or(0) >= kCostWarning || measured.cost->busiest_cpu.value_or(0) >= kUsedUp))
    return true;
  return measured.time && measured.time->completion && measured.time->at_device &&
         2 * *measured.time->completion > *measured.time->at_device;
}

std::optional<Limit> find_limit(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  if (!measured.steadiness || measured.requests_rate < kLimitedRate) return std::nullopt;
  const Steadiness& steadiness = *measured.steadiness;
  if (steadiness.inflight < kNeverIdle || is_held_up_here(measured)) return std::nullopt;
  Limit limit;
  limit.seen = steadiness.stays() && steadiness.spread() <= kPlateauSpread && steadiness.unrest <= kCalm &&
               mean_device_seconds(measured) >= kFastSeconds;
  limit.looks_set = limit.seen && is_set(steadiness);
  limit.doubt = about_vcpus_time(evidence);
  limit.shared = measured.moved_queue.has_value();
  if (limit.seen || (is_deep(steadiness) && !steadiness.follows() && wait_in_line(measured))) return limit;
  return std::nullopt;
}

std::string about_vcpus_time(const DiskEvidence& evidence) {
  return about_no_spare_time(evidence.measured.stolen, evidence.measured.busiest_used,
                             is_guest(evidence.topology) ? "vCPU" : "CPU");
}

bool sees_limit(const DiskEvidence& evidence) {
  const auto limit = find_limit(evidence);
  return limit && limit->seen && limit->doubt.empty();
}

bool may_be_queues_thread(const DiskEvidence& evidence) {
  const auto limit = find_limit(evidence);
  return sees_limit(evidence) && !limit->looks_set && !limit->shared && is_served_by_a_thread(evidence);
}

bool is_queues_thread_ruled_out(const DiskEvidence& evidence) {
  if (!is_served_by_a_thread(evidence)) return true;
  const auto limit = find_limit(evidence);
  return limit && limit->seen && (limit->looks_set || limit->shared);
}

std::string_view told_by_another(const DiskEvidence& evidence) {
  if (!about_vcpus_time(evidence).empty()) return "";
  if (slow_at_device(evidence)) return "slow_at_device";
  return find_limit(evidence) && !may_be_queues_thread(evidence) ? "storage_limit" : "";
}

std::optional<Found> storage_limit(const DiskEvidence& evidence) {
  const auto limit = find_limit(evidence);
  if (!limit || (!limit->seen && slow_at_device(evidence))) return std::nullopt;
  const Measured& measured = evidence.measured;
  const Steadiness& steadiness = *measured.steadiness;
  Found found;
  found.severity = limit->doubt.empty() ? Severity::kWarning : Severity::kInfo;
  found.remedy = Remedy::kFindLimit;
  found.evidence = {
      fmt::format("{} answered {} requests/s and moved {}; on average {} were in flight there.", evidence.disk.name,
                  grouped(steadiness.requests_rate), throughput(steadiness.bytes_rate), grouped(steadiness.inflight)),
      told_sign(steadiness, *limit), told_limit(steadiness, *limit)};
  if (std::string told = told_queues(measured, *limit); !told.empty()) found.evidence.push_back(std::move(told));
  found.evidence.push_back(told_latency(measured));
  if (steadiness.low_depth_seconds)
    found.evidence.push_back(fmt::format("When half as many or fewer were in flight, one took {} there on average.",
                                         duration(*steadiness.low_depth_seconds)));
  found.evidence.push_back(limit->doubt.empty() ? told_cause(evidence, *limit) : limit->doubt);
  if (std::string told = told_notifications(evidence); !told.empty()) found.evidence.push_back(std::move(told));
  if (is_guest(evidence.topology) && limit->seen && limit->doubt.empty())
    found.evidence.emplace_back("More vCPUs do not help.");
  if (limit->shared) found.numbers.emplace_back("shared_by_queues", 1);
  if (limit->seen && !steadiness.is_of_bytes())
    found.numbers.emplace_back("limit_requests_per_second", steadiness.requests_rate);
  if (limit->seen && !steadiness.is_of_requests())
    found.numbers.emplace_back("limit_bytes_per_second", steadiness.bytes_rate);
  found.numbers.insert(found.numbers.end(), {{"requests_per_second", steadiness.requests_rate},
                                             {"bytes_per_second", steadiness.bytes_rate},
                                             {"rate_spread_ratio", steadiness.spread()},
                                             {"inflight_spread_ratio", steadiness.inflight_spread},
                                             {"average_inflight", steadiness.inflight},
                                             {"least_inflight", steadiness.least_inflight},
                                             {"device_mean_seconds", mean_device_seconds(measured)},
                                             {"seen", limit->seen ? 1 : 0},
                                             {"looks_set", limit->looks_set ? 1 : 0}});
  if (measured.notified_share) found.numbers.emplace_back("notifications_per_request", *measured.notified_share);
  if (steadiness.low_depth_seconds) found.numbers.emplace_back("low_depth_seconds", *steadiness.low_depth_seconds);
  return found;
}

}  // namespace vqscope
