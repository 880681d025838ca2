// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/layout_cost.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/diagnosis/limit.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/platform.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/thresholds.h"

namespace vqscope {

namespace {

// "completions wait for those of other vCPUs' requests (3 %)"
std::string parts(const QueueCost& cost) {
  std::string text;
  const auto add = [&](double seconds, std::string_view what) {
    if (seconds > 0)
      text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", what, percent(seconds / cost.request_seconds));
  };
  add(cost.sharing_seconds, "completions wait for those of other vCPUs' requests");
  add(cost.crossing_seconds, "they end on another vCPU than the one that submitted");
  add(cost.backlog_seconds, "interrupts may wait for a vCPU that is busy with them");
  add(cost.lock_seconds.value_or(0), "requests wait for locks");
  return text;
}

}  // namespace

Severity severity_by_cost(const DiskEvidence& evidence, Severity unmeasured) {
  const auto& cost = evidence.measured.cost;
  if (!told_by_another(evidence).empty()) return Severity::kInfo;
  Severity severity = cost && cost->ratio() ? Severity::kInfo : unmeasured;
  // A plateau may be the queue's thread at the host.
  if (may_be_queues_thread(evidence)) severity = std::max(severity, Severity::kWarning);
  if (cost) severity = std::max(severity, severity_of_share(cost->measured_ratio()));
  if (cost && cost->busiest_cpu.value_or(0) >= kUsedUp) severity = Severity::kCritical;
  return are_several_at_a_time(evidence.measured) ? severity : std::min(severity, Severity::kWarning);
}

double waiting(const Measured& measured) {
  return measured.seconds > 0 ? static_cast<double>(queue_latency(measured).sum_ns) / 1e9 / measured.seconds : 0;
}

bool are_several_at_a_time(const Measured& measured) {
  return measured.average_inflight + waiting(measured) >= kSharedInflight;
}

Severity unmeasured_sharing(const Measured& measured) {
  return measured.average_inflight + waiting(measured) <= kAboutOne ? Severity::kInfo : Severity::kWarning;
}

std::vector<std::string> about_few_at_a_time(const Measured& measured) {
  const auto& cost = measured.cost;
  if ((cost && cost->ratio()) || unmeasured_sharing(measured) != Severity::kInfo) return {};
  if (cost && (cost->measured_ratio() >= kCostWarning || cost->busiest_cpu.value_or(0) >= kUsedUp)) return {};
  return {
      fmt::format("With {} in flight or waiting in this guest on average requests hardly meet each other, so that what "
                  "was not measured makes this no warning.",
                  grouped(measured.average_inflight + waiting(measured)))};
}

Severity severity_of_share(double share) {
  if (share >= kCostCritical) return Severity::kCritical;
  return share >= kCostWarning ? Severity::kWarning : Severity::kInfo;
}

std::vector<std::string> about_cost(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  std::vector<std::string> sentences;
  if (const std::string_view other = told_by_another(evidence); !other.empty())
    sentences.push_back(
        fmt::format("{} ({}){}.",
                    sees_limit(evidence) ? "Requests wait at the device, whose rate stays where it is"
                                         : "Nearly all requests stay at the device equally long",
                    other,
                    is_queues_thread_ruled_out(evidence)
                        ? ", so that this is not what they are seen to wait for"
                        : fmt::format(": that may be {}, and as well the storage or a limit", who_serves(evidence))));
  else if (may_be_queues_thread(evidence))
    sentences.push_back(
        fmt::format("Requests wait at the device, whose rate stays where it is (storage_limit): that may be {}.",
                    who_serves(evidence)));
  if (!measured.cost) {
    sentences.emplace_back(
        "What that costs was not measured: no interrupt was traced together with a completion that it brought.");
    return sentences;
  }
  const QueueCost& cost = *measured.cost;
  const std::string which = parts(cost);
  if (const auto ratio = cost.ratio())
    sentences.push_back(fmt::format("In this guest that costs {} of the requests' time{}{}.",
                                    *ratio > 0 ? "at most " + percent(*ratio) : "nothing", which.empty() ? "" : ": ",
                                    which));
  else
    sentences.push_back(
        fmt::format("What that costs in this guest is known in part, because waits for locks were not measured: this "
                    "kernel has told "
                    "of none, or it is not known where they are.{}",
                    which.empty() ? "" : fmt::format(" Of the requests' time at most: {}.", which)));
  if (cost.busiest_cpu)
    sentences.push_back(fmt::format("Completions take {} of the time of the vCPU that is busiest with them.",
                                    percent(*cost.busiest_cpu)));
  sentences.push_back(fmt::format(
      "What it costs {}, does not show in a guest: the same load with more queues, or on two disks at once, tells.",
      may_be_own_host(evidence.topology) ? "at the host, where one thread may serve a queue"
                                         : "outside this guest, where the queue is served"));
  return sentences;
}

std::vector<std::pair<std::string, double>> cost_numbers(const Measured& measured) {
  std::vector<std::pair<std::string, double>> numbers;
  if (!measured.cost) return numbers;
  const QueueCost& cost = *measured.cost;
  if (const auto ratio = cost.ratio()) numbers.emplace_back("queue_cost_ratio", *ratio);
  numbers.emplace_back("sharing_ratio", cost.sharing_seconds / cost.request_seconds);
  numbers.emplace_back("crossing_ratio", cost.crossing_seconds / cost.request_seconds);
  numbers.emplace_back("backlog_ratio", cost.backlog_seconds / cost.request_seconds);
  if (cost.lock_seconds) numbers.emplace_back("lock_wait_ratio", *cost.lock_seconds / cost.request_seconds);
  if (cost.busiest_cpu) numbers.emplace_back("completion_cpu_ratio", *cost.busiest_cpu);
  return numbers;
}

}  // namespace vqscope
