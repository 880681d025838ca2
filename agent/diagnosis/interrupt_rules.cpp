// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "agent/diagnosis/layout_cost.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/queue_group.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/diagnosis/vector_rules.h"
#include "agent/model/model.h"

namespace vqscope {

namespace {

// How many queues interrupted, in effect: where the vCPUs of one queue are the only ones that submit, it is one.
double interrupting_queues(const Measured& measured) {
  std::vector<std::uint64_t> by_queue;
  for (const QueueLoad& queue : measured.queues)
    by_queue.push_back(std::accumulate(queue.interrupts.begin(), queue.interrupts.end(), std::uint64_t{0}));
  return effective_number(by_queue).value_or(0);
}

bool concentrates(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  std::set<std::uint32_t> lines;
  for (const InterruptLine& line : evidence.disk.interrupts) lines.insert(line.irq);
  return is_hosts_disk(evidence) && interrupting_queues(measured) >= kSeveralQueues && lines.size() >= 2 &&
         !shares_vector(evidence) && is_busy(evidence) && from_several_cpus(evidence) &&
         measured.interrupts_rate >= kInterruptRate && measured.interrupt_share.value_or(0) >= kConcentrated;
}

// Share of the interrupts that land on a vCPU whose requests go through another queue than the one that interrupts.
double misplaced_share(const DiskEvidence& evidence) {
  std::uint64_t all = 0, misplaced = 0;
  for (const HardwareQueue& queue : evidence.disk.queues) {
    if (queue.cpus.empty() || queue.index >= evidence.measured.queues.size()) continue;
    const auto& by_cpu = evidence.measured.queues[queue.index].interrupts;
    for (std::uint32_t cpu = 0; cpu < by_cpu.size(); ++cpu) {
      all += by_cpu[cpu];
      if (std::find(queue.cpus.begin(), queue.cpus.end(), cpu) == queue.cpus.end()) misplaced += by_cpu[cpu];
    }
  }
  return all > 0 ? static_cast<double>(misplaced) / static_cast<double>(all) : 0;
}

}  // namespace

std::string interrupts(const Measured& measured) {
  if (!measured.interrupt_share) return "Which vCPU takes its interrupts could not be seen.";
  return fmt::format("Its {} interrupts/s land on {}.", grouped(measured.interrupts_rate),
                     cpu_shares(measured.interrupts));
}

std::string crossing(const Measured& measured) {
  const bool all = measured.interrupted_rate >= 0.995 * measured.requests_rate;
  return fmt::format(
      "{} of the {} were submitted on another vCPU than the one that is interrupted for them.",
      percent(*measured.cross_share),
      all ? "requests" : fmt::format("{} requests/s that ended by an interrupt", grouped(measured.interrupted_rate)));
}

std::optional<Found> irq_concentrated(const DiskEvidence& evidence) {
  if (!concentrates(evidence)) return std::nullopt;
  Found found;
  found.severity = severity_by_cost(evidence, unmeasured_sharing(evidence.measured));
  found.remedy = Remedy::kSpreadInterrupts;
  found.evidence = {queues_and_cpus(evidence), submitters(evidence.measured), interrupts(evidence.measured)};
  for (std::string& sentence : about_cost(evidence)) found.evidence.push_back(std::move(sentence));
  for (std::string& sentence : about_few_at_a_time(evidence.measured)) found.evidence.push_back(std::move(sentence));
  found.numbers = queue_numbers(evidence);
  return found;
}

std::optional<Found> workload_on_one_vcpu(const DiskEvidence& evidence) {
  if (!is_hosts_disk(evidence) || online_cpus(evidence) < 2 || !is_busy(evidence) || from_several_cpus(evidence))
    return std::nullopt;
  Found found;
  found.evidence = {submitters(evidence.measured)};
  found.numbers = queue_numbers(evidence);
  return found;
}

std::optional<Found> submitter_off_interrupt_vcpu(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  if (!is_hosts_disk(evidence) || online_cpus(evidence) < 2 || !is_busy(evidence) || from_several_cpus(evidence) ||
      measured.cross_share.value_or(0) < kCrossShare || measured.interrupts_rate < kInterruptRate ||
      measured.interrupt_share.value_or(0) < kConcentrated || cross_cpu_completions(evidence))
    return std::nullopt;
  Found found;
  found.remedy = Remedy::kMoveSubmitter;
  found.evidence = {submitters(measured), interrupts(measured), crossing(measured),
                    fmt::format("On vCPU {} it would submit where it is interrupted.", busiest(measured.interrupts))};
  for (std::string& sentence : about_cost(evidence)) found.evidence.push_back(std::move(sentence));
  found.numbers = queue_numbers(evidence);
  return found;
}

std::optional<Found> cross_cpu_completions(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  const bool queue_for_each = static_cast<double>(judged_queues(evidence).queues) >= online_cpus(evidence);
  const double misplaced = misplaced_share(evidence);
  if (!is_hosts_disk(evidence) || is_emulated(evidence) || measured.interrupted_rate < kBusyRate ||
      online_cpus(evidence) < 2 || (!queue_for_each && misplaced < kCrossShare) || shares_vector(evidence) ||
      concentrates(evidence) || measured.cross_share.value_or(0) < kCrossShare)
    return std::nullopt;
  Found found;
  found.severity = severity_by_cost(evidence, unmeasured_sharing(measured));
  found.remedy = Remedy::kMatchQueues;
  found.evidence = {
      fmt::format("{} of the {} requests/s that ended by an interrupt were submitted on another vCPU than "
                  "the one that was interrupted for them, {}.",
                  percent(*measured.cross_share), grouped(measured.interrupted_rate),
                  queue_for_each ? "although there is a queue for each vCPU"
                                 : fmt::format("because {} of the interrupts land on a vCPU that their queue "
                                               "does not serve",
                                               percent(misplaced))),
      submitters(measured), interrupts(measured)};
  for (std::string& sentence : about_cost(evidence)) found.evidence.push_back(std::move(sentence));
  for (std::string& sentence : about_few_at_a_time(measured)) found.evidence.push_back(std::move(sentence));
  found.numbers = queue_numbers(evidence);
  found.numbers.emplace_back("interrupted_requests_per_second", measured.interrupted_rate);
  return found;
}

}  // namespace vqscope
