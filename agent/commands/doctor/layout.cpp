// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/doctor/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "agent/diagnosis/phrases.h"

namespace vqscope {

namespace {

using Counts = std::vector<std::uint64_t>;

// A column holds "others" or "> 99 %"; the least that is shown is two vCPUs and "others".
constexpr std::size_t kColumn = 7, kLeastColumns = 3, kLabel = 12, kGap = 3, kMostRows = 16;
constexpr std::string_view kSubmissions = "requests from vCPU", kInterrupts = "interrupts on vCPU";

std::uint64_t at(const Counts& counts, std::size_t i) { return i < counts.size() ? counts[i] : 0; }
std::uint64_t sum(const Counts& counts) { return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}); }

struct Row {
  std::string label;
  Counts submissions, interrupts;  // by CPU
};

// One block of columns for the chosen CPUs, and one for all others if there are any.
struct Columns {
  std::vector<std::size_t> cpus;  // rising
  bool others = false;

  [[nodiscard]] std::size_t width() const { return (cpus.size() + (others ? 1 : 0)) * kColumn; }
};

Columns choose_columns(const Measured& measured, std::size_t room) {
  const std::size_t all = std::max(measured.submissions.size(), measured.interrupts.size());
  const std::size_t fitting = std::max(room / kColumn, kLeastColumns);
  Columns columns;
  columns.cpus.resize(all);
  std::iota(columns.cpus.begin(), columns.cpus.end(), std::size_t{0});
  if (all <= fitting) return columns;
  const auto weight = [&](std::size_t cpu) {
    const auto share = [cpu](const Counts& counts) {
      const std::uint64_t all_counts = sum(counts);
      if (all_counts == 0) return 0.0;
      // The busiest comes first, whatever the others do.
      const double part = static_cast<double>(at(counts, cpu)) / static_cast<double>(all_counts);
      return cpu == busiest(counts) ? part + 2 : part;
    };
    return share(measured.submissions) + share(measured.interrupts);
  };
  std::stable_sort(columns.cpus.begin(), columns.cpus.end(),
                   [&](std::size_t a, std::size_t b) { return weight(a) > weight(b); });
  columns.cpus.resize(fitting - 1);
  columns.others = true;
  std::sort(columns.cpus.begin(), columns.cpus.end());
  return columns;
}

std::string cell(std::uint64_t count, std::uint64_t total) {
  return fmt::format("{:>{}}", count == 0 ? "." : percent(static_cast<double>(count) / static_cast<double>(total)),
                     kColumn);
}

std::string cells(const Counts& counts, std::uint64_t total, const Columns& columns) {
  std::string line;
  std::uint64_t shown = 0;
  for (const std::size_t cpu : columns.cpus) {
    line += cell(at(counts, cpu), total);
    shown += at(counts, cpu);
  }
  return columns.others ? line + cell(sum(counts) - shown, total) : line;
}

std::string heads(const Columns& columns) {
  std::string line;
  for (const std::size_t cpu : columns.cpus) line += fmt::format("{:>{}}", cpu, kColumn);
  return columns.others ? line + fmt::format("{:>{}}", "others", kColumn) : line;
}

std::vector<Row> rows_of(const DiskDiagnosis& disk) {
  std::vector<Row> rows;
  const Measured& measured = disk.measured;
  for (std::size_t q = 0; q < measured.queues.size(); ++q)
    rows.push_back({fmt::format("queue {}", q), measured.queues[q].submissions, measured.queues[q].interrupts});
  return rows;
}

}  // namespace

std::string picture(const DiskDiagnosis& disk, std::size_t width) {
  const Measured& measured = disk.measured;
  std::vector<Row> rows = rows_of(disk);
  const std::uint64_t requests = sum(measured.submissions), interrupts = sum(measured.interrupts);
  if (requests + interrupts == 0) return {};

  std::size_t left_out = 0;
  if (rows.size() > kMostRows) {
    const auto weight = [&](const Row& row) {
      return static_cast<double>(sum(row.submissions)) / static_cast<double>(std::max<std::uint64_t>(requests, 1)) +
             static_cast<double>(sum(row.interrupts)) / static_cast<double>(std::max<std::uint64_t>(interrupts, 1));
    };
    std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return weight(a) > weight(b); });
    left_out = rows.size() - kMostRows;
    rows.resize(kMostRows);
  }
  // Lines that serve several queues have no row of their own among these.
  std::uint64_t placed = 0;
  for (const QueueLoad& queue : measured.queues) placed += sum(queue.interrupts);
  if (placed < interrupts) {
    Counts shared = measured.interrupts;
    for (const QueueLoad& queue : measured.queues)
      for (std::size_t cpu = 0; cpu < queue.interrupts.size(); ++cpu) shared[cpu] -= queue.interrupts[cpu];
    rows.push_back({measured.queues.empty() ? "disk" : "several", {}, std::move(shared)});
  }

  // Without interrupts that are known there is nothing to be said of them, not even that there were none.
  const bool known = interrupts > 0 || !disk.disk.interrupts.empty();
  const std::size_t room = (std::max(width, kLabel + kGap) - kLabel - kGap) / 2;
  const Columns columns = choose_columns(measured, room);
  const std::size_t block = std::max(columns.width(), kSubmissions.size());
  const auto line = [&](std::string_view label, std::string_view left, std::string_view right) {
    std::string text = fmt::format("{:<{}}{:>{}}", label, kLabel, left, block);
    if (known) text += fmt::format("{:{}}{:>{}}", "", kGap, right, block);
    return text + "\n";
  };
  std::string text = line("", kSubmissions, kInterrupts) + line("", heads(columns), heads(columns));
  for (const Row& row : rows)
    text += line(row.label, cells(row.submissions, requests, columns), cells(row.interrupts, interrupts, columns));
  if (left_out > 0) text += fmt::format("... and {} quieter queues\n", left_out);
  return text;
}

}  // namespace vqscope
