// SPDX-License-Identifier: Apache-2.0
#include "agent/view/matrix.h"

#include <algorithm>
#include <numeric>

#include "agent/diagnosis/phrases.h"

namespace vqscope {

namespace {

// Two vCPUs and the others.
constexpr std::size_t kLeastColumns = 3;

double share(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

}  // namespace

std::uint64_t count_of(const CpuCounts& counts, std::size_t cpu) { return cpu < counts.size() ? counts[cpu] : 0; }

std::uint64_t sum_of(const CpuCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

QueueMatrix queue_matrix(const Measured& measured) {
  QueueMatrix matrix;
  matrix.submissions = measured.submissions;
  matrix.interrupts = measured.interrupts;
  CpuCounts several = measured.interrupts;
  for (std::size_t q = 0; q < measured.queues.size(); ++q) {
    const QueueLoad& queue = measured.queues[q];
    matrix.rows.push_back({q, queue.submissions, queue.interrupts});
    for (std::size_t cpu = 0; cpu < queue.interrupts.size(); ++cpu) several[cpu] -= queue.interrupts[cpu];
  }
  if (sum_of(several) > 0) matrix.rows.push_back({std::nullopt, {}, std::move(several)});
  return matrix;
}

ShownCpus choose_cpus(const QueueMatrix& matrix, std::size_t columns) {
  const std::size_t all = std::max(matrix.submissions.size(), matrix.interrupts.size());
  const std::size_t fitting = std::max(columns, kLeastColumns);
  ShownCpus shown;
  shown.cpus.resize(all);
  std::iota(shown.cpus.begin(), shown.cpus.end(), std::size_t{0});
  if (all <= fitting) return shown;
  const auto weight = [&](std::size_t cpu) {
    const auto part = [cpu](const CpuCounts& counts) {
      const std::uint64_t total = sum_of(counts);
      // The busiest comes first, whatever the others do.
      return share(count_of(counts, cpu), total) + (total > 0 && cpu == busiest(counts) ? 2 : 0);
    };
    return part(matrix.submissions) + part(matrix.interrupts);
  };
  std::stable_sort(shown.cpus.begin(), shown.cpus.end(),
                   [&](std::size_t a, std::size_t b) { return weight(a) > weight(b); });
  shown.cpus.resize(fitting - 1);
  shown.others = true;
  std::sort(shown.cpus.begin(), shown.cpus.end());
  return shown;
}

double weight_of(const MatrixRow& row, const QueueMatrix& matrix) {
  return share(sum_of(row.submissions), sum_of(matrix.submissions)) +
         share(sum_of(row.interrupts), sum_of(matrix.interrupts));
}

}  // namespace vqscope
