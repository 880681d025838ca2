// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/queue_group.h"

#include <numeric>
#include <vector>

#include "agent/model/model.h"
#include "agent/model/window.h"

namespace vqscope {

QueueGroup group_of_type(const DiskEvidence& evidence, QueueType type) {
  QueueGroup group{type, 0, 0, {}, {}};
  std::vector<std::uint64_t> submissions, interrupts;
  for (const HardwareQueue& queue : evidence.disk.queues) {
    if (queue.type.value_or(QueueType::kDefault) != type) continue;
    ++group.queues;
    if (queue.index >= evidence.measured.queues.size()) continue;
    add_counts(evidence.measured.queues[queue.index].submissions, submissions);
    add_counts(evidence.measured.queues[queue.index].interrupts, interrupts);
  }
  if (evidence.measured.seconds > 0)
    group.rate = std::accumulate(submissions.begin(), submissions.end(), 0.0) / evidence.measured.seconds;
  group.submission_cpus = effective_number(submissions);
  group.interrupt_share = concentration(interrupts);
  return group;
}

QueueGroup judged_queues(const DiskEvidence& evidence) {
  const QueueGroup reads = group_of_type(evidence, QueueType::kRead);
  if (reads.queues == 0 && interrupt_queues(evidence) < evidence.disk.queues.size()) {
    QueueGroup group = group_of_type(evidence, QueueType::kDefault);
    group.type.reset();
    return group;
  }
  if (reads.queues == 0)
    return {std::nullopt, interrupt_queues(evidence), evidence.measured.requests_rate,
            evidence.measured.submission_cpus, evidence.measured.interrupt_share};
  const QueueGroup others = group_of_type(evidence, QueueType::kDefault);
  const double by_read = reads.rate / static_cast<double>(reads.queues),
               by_other = others.rate / static_cast<double>(others.queues);
  if (by_read == by_other) return reads.queues < others.queues ? reads : others;
  return by_read > by_other ? reads : others;
}

}  // namespace vqscope
