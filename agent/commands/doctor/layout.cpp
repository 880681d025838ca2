// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/doctor/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/diagnosis/phrases.h"
#include "agent/view/matrix.h"

namespace vqscope {

namespace {

// A column holds "others" or "> 99 %".
constexpr std::size_t kColumn = 7, kLabel = 12, kGap = 3, kMostRows = 16;

std::string cell(std::uint64_t count, std::uint64_t total) {
  return fmt::format("{:>{}}", count == 0 ? "." : percent(static_cast<double>(count) / static_cast<double>(total)),
                     kColumn);
}

std::string cells(const CpuCounts& counts, std::uint64_t total, const ShownCpus& shown) {
  std::string line;
  std::uint64_t others = sum_of(counts);
  for (const std::size_t cpu : shown.cpus) {
    line += cell(count_of(counts, cpu), total);
    others -= count_of(counts, cpu);
  }
  return shown.others ? line + cell(others, total) : line;
}

std::string heads(const ShownCpus& shown) {
  std::string line;
  for (const std::size_t cpu : shown.cpus) line += fmt::format("{:>{}}", cpu, kColumn);
  return shown.others ? line + fmt::format("{:>{}}", "others", kColumn) : line;
}

}  // namespace

std::string picture(const DiskDiagnosis& disk, std::size_t width, std::string_view cpu) {
  QueueMatrix matrix = queue_matrix(disk.measured);
  const std::uint64_t requests = sum_of(matrix.submissions), interrupts = sum_of(matrix.interrupts);
  if (requests + interrupts == 0) return {};

  std::vector<MatrixRow>& rows = matrix.rows;
  std::size_t left_out = 0;
  if (const std::size_t queues = disk.measured.queues.size(); queues > kMostRows) {
    const auto end_of_queues = rows.begin() + static_cast<std::ptrdiff_t>(queues);
    std::stable_sort(rows.begin(), end_of_queues, [&](const MatrixRow& a, const MatrixRow& b) {
      return weight_of(a, matrix) > weight_of(b, matrix);
    });
    left_out = queues - kMostRows;
    rows.erase(rows.begin() + kMostRows, end_of_queues);
  }

  // Without interrupts that are known there is nothing to be said of them, not even that there were none.
  const bool known = interrupts > 0 || !disk.disk.interrupts.empty();
  const std::size_t room = (std::max(width, kLabel + kGap) - kLabel - kGap) / 2;
  const ShownCpus shown = choose_cpus(matrix, room / kColumn);
  const std::string from = fmt::format("requests from {}", cpu), on = fmt::format("interrupts on {}", cpu);
  const std::size_t block = std::max({shown.columns() * kColumn, from.size(), on.size()});
  const auto line = [&](std::string_view label, std::string_view left, std::string_view right) {
    std::string text = fmt::format("{:<{}}{:>{}}", label, kLabel, left, block);
    if (known) text += fmt::format("{:{}}{:>{}}", "", kGap, right, block);
    return text + "\n";
  };
  std::string text = line("", from, on) + line("", heads(shown), heads(shown));
  for (const MatrixRow& row : rows) {
    const std::string label = row.queue                      ? fmt::format("queue {}", *row.queue)
                              : disk.measured.queues.empty() ? "disk"
                                                             : "several";
    text += line(label, cells(row.submissions, requests, shown), cells(row.interrupts, interrupts, shown));
  }
  if (left_out > 0) text += fmt::format("... and {} quieter queues\n", left_out);
  return text;
}

}  // namespace vqscope
