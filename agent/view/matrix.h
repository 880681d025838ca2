// SPDX-License-Identifier: Apache-2.0
// Who submits to which hardware queue, and on which vCPU its interrupts land. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/diagnosis/measured.h"

namespace vqscope {

using CpuCounts = std::vector<std::uint64_t>;  // by CPU number; what lies beyond its end is 0

std::uint64_t count_of(const CpuCounts& counts, std::size_t cpu);
std::uint64_t sum_of(const CpuCounts& counts);

struct MatrixRow {
  std::optional<std::size_t> queue;  // absent: lines that serve several queues, or it is not known which
  CpuCounts submissions;             // completed requests, by the CPU that submitted them
  CpuCounts interrupts;
};

struct QueueMatrix {
  std::vector<MatrixRow> rows;        // by hardware queue, and at the end that of no one queue if it was interrupted
  CpuCounts submissions, interrupts;  // of the whole disk
};

QueueMatrix queue_matrix(const Measured& measured);

// The CPUs that have a column of their own where there is not room for all.
struct ShownCpus {
  std::vector<std::size_t> cpus;  // rising
  bool others = false;            // and one column for the rest

  [[nodiscard]] std::size_t columns() const { return cpus.size() + (others ? 1 : 0); }
};

// At the most `columns`, or three. The busiest submitter and the CPU that takes most interrupts come first.
ShownCpus choose_cpus(const QueueMatrix& matrix, std::size_t columns);

// How much of the disk's requests and interrupts a row has, to leave out those that have least: 0 to 2.
double weight_of(const MatrixRow& row, const QueueMatrix& matrix);

}  // namespace vqscope
