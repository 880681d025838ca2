// SPDX-License-Identifier: Apache-2.0
// One disk: what its requests did, where their time goes, and which queues and vCPUs they go through.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "agent/commands/top/frame.h"
#include "agent/diagnosis/phrases.h"
#include "agent/model/operations.h"

namespace vqscope {

namespace {

constexpr std::size_t kLabel = 9, kHeatRows = 8, kMostMatrixRows = 16;

TextLine heading(std::string text) { return line(std::move(text), Style::kBold); }

void add_load(const DiskView& view, std::size_t width, std::vector<TextLine>& lines) {
  std::string flight = "In flight: ";
  flight +=
      view.average_inflight ? fmt::format("{} on average", grouped(*view.average_inflight)) : "average not measured";
  if (view.inflight) flight += fmt::format(", {} now", view.inflight->requests);
  if (view.inflight && view.inflight->oldest_seconds)
    flight += fmt::format(", the oldest for {}", duration(*view.inflight->oldest_seconds));
  if (view.avgqu_sz) flight += fmt::format("; avgqu-sz {}", grouped(*view.avgqu_sz));
  if (view.submission_cpus) flight += fmt::format("; from {:.1f} vCPUs in effect", *view.submission_cpus);
  add_wrapped(lines, flight, width, "", "  ");
  if (view.requeues > 0) lines.push_back(line(plural(static_cast<double>(view.requeues), "request") + " requeued"));
}

std::string operation_row(std::string_view name, std::optional<double> requests_rate, std::optional<double> bytes_rate,
                          const Latency& at_device, const Latency& before_issue) {
  return fmt::format("{:<9}{:>9}{:>9}{:>10}{:>10}{:>10}{:>11}", name, number_cell(requests_rate),
                     mebibytes_cell(bytes_rate), quantile_cell(at_device.p50), quantile_cell(at_device.p99),
                     quantile_cell(at_device.p999), quantile_cell(before_issue.p99));
}

void add_operations(const DiskView& view, std::vector<TextLine>& lines) {
  lines.push_back(line(
      fmt::format("{:<9}{:>9}{:>9}{:>10}{:>10}{:>10}{:>11}", "", "REQ/S", "MiB/S", "P50", "P99", "P99.9", "P99 BEFORE"),
      Style::kDim));
  std::uint64_t errors = 0;
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    const auto& operation = view.operations[op];
    if (!operation) continue;
    lines.push_back(line(operation_row(kOperationNames[op], operation->requests_rate, operation->bytes_rate,
                                       operation->at_device, operation->before_issue)));
    errors += operation->errors;
  }
  lines.push_back(line(operation_row("all", view.requests_rate, view.bytes_rate, view.at_device, view.before_issue)));
  if (errors > 0)
    lines.push_back(line(fmt::format("{} failed.", plural(static_cast<double>(errors), "request")), Style::kCritical));
}

// Letters in proportion to the parts of the time.
std::string bar(const std::vector<std::pair<char, double>>& parts, double total, std::size_t width) {
  std::string text;
  double before = 0;
  for (const auto& [letter, seconds] : parts) {
    before += seconds;
    text.resize(static_cast<std::size_t>(std::lround(before / total * static_cast<double>(width))), letter);
  }
  return text;
}

void add_time(const DiskView& view, std::size_t width, std::vector<TextLine>& lines) {
  if (!view.time || view.time->total() <= 0) return;
  const RequestTime& time = *view.time;
  const double total = time.total();
  const auto share = [total](double seconds) { return percent(seconds / total); };
  lines.emplace_back();
  lines.push_back(heading(fmt::format("Where the time goes, {} a request on average",
                                      duration(total / static_cast<double>(time.requests)))));
  std::vector<std::pair<char, double>> parts = {{'b', time.before_issue.value_or(0)}};
  std::string text = fmt::format("b {} before issue, ", share(parts[0].second));
  if (time.at_host) {
    parts.emplace_back('H', *time.at_host);
    parts.emplace_back('c', *time.completion);
    text += fmt::format("H {} at the host, c {} in completion ({} on another vCPU than the submitter's)",
                        share(*time.at_host), share(*time.completion), share(*time.completion_cross));
  } else {
    parts.emplace_back('d', time.at_device.value_or(0));
    text += fmt::format("d {} from there to completion, host and guest together", share(time.at_device.value_or(0)));
  }
  if (time.lock_waits) text += fmt::format("; within these, {} in waits for locks", share(*time.lock_waits));
  lines.push_back(line(fmt::format("[{}]", bar(parts, total, std::clamp<std::size_t>(width, 3, 100) - 2))));
  add_wrapped(lines, text, width, "", "");
  if (view.cost && view.cost->ratio())
    add_wrapped(lines,
                fmt::format("The layout of queues and interrupts costs {} of it in this guest at the most.",
                            percent(*view.cost->ratio())),
                width, "", "");
}

void add_strip(const DiskPicture& picture, Phase phase, const Canvas& canvas, std::vector<TextLine>& lines) {
  lines.emplace_back();
  const std::size_t room = canvas.width - std::min(canvas.width, kLabel);
  const std::size_t skipped = picture.strip.size() - std::min(picture.strip.size(), room);
  const double each = picture.strip.empty() ? 0 : picture.strip_seconds / static_cast<double>(picture.strip.size());
  const std::size_t shown = picture.strip.size() - skipped;
  lines.push_back(heading(fmt::format("Time {}, {:.0f} s: columns of {:.2g} s, rows up to the time at their left",
                                      phase == Phase::kAtDevice ? "at the device" : "before issue",
                                      each * static_cast<double>(shown), each)));
  const auto of = [phase](const StripColumn& column) -> const Histogram& {
    return phase == Phase::kAtDevice ? column.at_device : column.before_issue;
  };
  Histogram all;
  for (std::size_t i = skipped; i < picture.strip.size(); ++i) all += of(picture.strip[i]);
  const HeatScale scale = heat_scale(counted(all), kHeatRows);
  if (scale.rows == 0) {
    lines.push_back(line("No request was seen.", Style::kDim));
    return;
  }
  std::vector<std::string> rows(scale.rows);
  for (std::size_t i = skipped; i < picture.strip.size(); ++i) {
    const auto column = heat_column(of(picture.strip[i]), scale);
    const auto total = static_cast<double>(of(picture.strip[i]).count());
    for (std::size_t row = 0; row < scale.rows; ++row)
      rows[row] += picture.strip[i].measured
                       ? shade(total > 0 ? static_cast<double>(column[row]) / total : 0, canvas.utf8)
                       : "?";
  }
  for (std::size_t row = scale.rows; row-- > 0;)
    lines.push_back(line(fmt::format("{:>{}} {}", duration(scale.upper_bound_seconds(row)), kLabel - 1, rows[row])));
}

// How the matrix is drawn: shares as numbers, or as shades where there are many vCPUs.
struct MatrixStyle {
  bool numbers = false, side_by_side = false, utf8 = false;
  ShownCpus cpus;

  [[nodiscard]] std::size_t column() const { return numbers ? 5 : 1; }
  [[nodiscard]] std::size_t width() const { return cpus.columns() * column(); }
};

constexpr std::size_t kGap = 3;
constexpr std::string_view kSubmissions = "requests from vCPU", kInterrupts = "interrupts on vCPU";

MatrixStyle style_for(const QueueMatrix& matrix, const Canvas& canvas) {
  MatrixStyle style;
  style.utf8 = canvas.utf8;
  const std::size_t cpus = std::max(matrix.submissions.size(), matrix.interrupts.size());
  const std::size_t room = canvas.width - std::min(canvas.width, kLabel);
  const std::size_t half = room > kGap ? (room - kGap) / 2 : 0;
  const std::size_t head = std::max(kSubmissions.size(), kInterrupts.size());
  style.numbers = std::max(cpus * 5, head) <= half;
  style.side_by_side = style.numbers || std::max(cpus, head) <= half;
  style.cpus = choose_cpus(matrix, style.numbers ? cpus : style.side_by_side ? half : room);
  return style;
}

std::string cells(const CpuCounts& counts, std::uint64_t total, const MatrixStyle& style) {
  std::string text;
  std::uint64_t others = sum_of(counts);
  const auto add = [&](std::uint64_t count) {
    const double share = total == 0 ? 0 : static_cast<double>(count) / static_cast<double>(total);
    text += style.numbers ? fmt::format("{:>5}", count == 0 ? "." : share_cell(share))
                          : std::string(shade(share, style.utf8));
  };
  for (const std::size_t cpu : style.cpus.cpus) {
    add(count_of(counts, cpu));
    others -= count_of(counts, cpu);
  }
  if (style.cpus.others) add(others);
  return text;
}

// The vCPUs' numbers; as shades, from top to bottom.
std::vector<std::string> column_heads(const MatrixStyle& style) {
  std::vector<std::string> names;
  for (const std::size_t cpu : style.cpus.cpus) names.push_back(fmt::format("{}", cpu));
  if (style.cpus.others) names.emplace_back("+");
  if (style.numbers) {
    std::string text;
    for (const std::string& name : names) text += fmt::format("{:>5}", name);
    return {text};
  }
  std::size_t longest = 1;
  for (const std::string& name : names) longest = std::max(longest, name.size());
  std::vector<std::string> rows(longest);
  for (const std::string& name : names)
    for (std::size_t i = 0; i < longest; ++i)
      rows[i] += i + name.size() < longest ? ' ' : name[i + name.size() - longest];
  return rows;
}

// Half of the matrix, or both side by side.
class MatrixDrawing {
 public:
  MatrixDrawing(const QueueMatrix& matrix, const MatrixStyle& style) : matrix_(matrix), style_(style) {
    for (const MatrixRow& row : matrix.rows) rows_.push_back(&row);
    const auto end_of_queues = std::ranges::find_if(rows_, [](const MatrixRow* row) { return !row->queue; });
    const auto queues = static_cast<std::size_t>(end_of_queues - rows_.begin());
    if (queues <= kMostMatrixRows) return;
    std::stable_sort(rows_.begin(), end_of_queues, [&](const MatrixRow* a, const MatrixRow* b) {
      return weight_of(*a, matrix) > weight_of(*b, matrix);
    });
    rows_.erase(rows_.begin() + kMostMatrixRows, end_of_queues);
    left_out_ = queues - kMostMatrixRows;
  }

  void draw(bool submissions, bool interrupts, std::vector<TextLine>& lines) const {
    const auto row = [&](std::string_view label, std::string_view left, std::string_view right) {
      std::string text = fmt::format("{:<{}}", label, kLabel);
      if (submissions) text += padded(left);
      if (submissions && interrupts) text += std::string(kGap, ' ');
      if (interrupts) text += padded(right);
      return line(std::move(text));
    };
    lines.push_back(row("", kSubmissions, kInterrupts));
    for (const std::string& heads : column_heads(style_)) lines.push_back(row("", heads, heads));
    for (const MatrixRow* counts : rows_)
      lines.push_back(row(counts->queue ? fmt::format("queue {}", *counts->queue) : "several",
                          cells(counts->submissions, sum_of(matrix_.submissions), style_),
                          cells(counts->interrupts, sum_of(matrix_.interrupts), style_)));
    lines.push_back(row("all", cells(matrix_.submissions, sum_of(matrix_.submissions), style_),
                        cells(matrix_.interrupts, sum_of(matrix_.interrupts), style_)));
    if (left_out_ > 0) lines.push_back(line(fmt::format("... and {} quieter queues", left_out_), Style::kDim));
  }

 private:
  // Shades are of several bytes each.
  [[nodiscard]] std::string padded(std::string_view text) const {
    const auto columns = static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
    const std::size_t width = std::max(style_.width(), kSubmissions.size());
    return std::string(text) + std::string(width - std::min(width, columns), ' ');
  }

  const QueueMatrix& matrix_;
  const MatrixStyle& style_;
  std::vector<const MatrixRow*> rows_;
  std::size_t left_out_ = 0;
};

void add_matrix(const DiskPicture& picture, const Canvas& canvas, std::vector<TextLine>& lines) {
  if (!picture.matrix) return;
  const QueueMatrix& matrix = *picture.matrix;
  if (sum_of(matrix.submissions) + sum_of(matrix.interrupts) == 0) return;
  lines.emplace_back();
  lines.push_back(heading("Queues and vCPUs, of the disk's requests and interrupts"));
  const MatrixStyle style = style_for(matrix, canvas);
  const MatrixDrawing drawing(matrix, style);
  // Of interrupts that are not known there is nothing to be said, not even that there were none.
  const bool known = sum_of(matrix.interrupts) > 0 || !picture.disk.interrupts.empty();
  drawing.draw(true, known && style.side_by_side, lines);
  if (known && !style.side_by_side) drawing.draw(false, true, lines);
}

std::string_view name_of(std::optional<QueueType> type) {
  if (!type) return "-";
  switch (*type) {
    case QueueType::kRead: return "read";
    case QueueType::kPoll: return "poll";
    case QueueType::kDefault: break;
  }
  return "any";
}

std::string queue_row(const QueueView& queue) {
  return fmt::format("{:<6}{:>5}{:>9}{:>6}{:>8}{:>11}{:>10}{:>10}{:>11}", queue.queue, name_of(queue.type),
                     number_cell(queue.requests_rate), share_cell(queue.share), number_cell(queue.average_inflight),
                     queue.limit ? fmt::format("{}/{}", queue.inflight.requests, *queue.limit)
                                 : fmt::format("{}", queue.inflight.requests),
                     quantile_cell(queue.at_device.p50), quantile_cell(queue.at_device.p99),
                     seconds_cell(queue.inflight.oldest_seconds));
}

void add_queues(const DiskPicture& picture, std::vector<TextLine>& lines) {
  if (picture.queues.empty()) return;
  lines.emplace_back();
  lines.push_back(line(fmt::format("{:<6}{:>5}{:>9}{:>6}{:>8}{:>11}{:>10}{:>10}{:>11}", "QUEUE", "TYPE", "REQ/S",
                                   "SHARE", "INFL", "NOW/LIMIT", "P50", "P99", "OLDEST"),
                       Style::kBold));
  for (const QueueView& queue : picture.queues) lines.push_back(line(queue_row(queue)));
}

}  // namespace

std::vector<TextLine> disk_lines(const Picture& picture, const Ui& ui, const Canvas& canvas) {
  if (!picture.disk)
    return {line(picture.topology.disks.empty() ? "There is no disk to look at."
                                                : fmt::format("{} is not there.", plain_text(ui.disk)))};
  const DiskPicture& disk = *picture.disk;
  std::vector<TextLine> lines;
  const std::string name = plain_text(disk.disk.name);
  add_wrapped(lines,
              fmt::format("{}; {} for {}", who_is(disk.disk), plural(static_cast<double>(disk.view.queues), "queue"),
                          plural(static_cast<double>(picture.topology.online_cpus.size()), "vCPU")),
              canvas.width, name + "  ", "  ");
  // The name in bold.
  std::string& rest = lines.front().spans.front().text;
  rest.erase(0, name.size());
  lines.front().spans.insert(lines.front().spans.begin(), {name, Style::kBold});
  add_load(disk.view, canvas.width, lines);
  if (disk.view.requests_rate) add_operations(disk.view, lines);
  add_matrix(disk, canvas, lines);
  add_time(disk.view, canvas.width, lines);
  if (disk.view.inflight && !disk.queues.empty()) add_strip(disk, ui.phase, canvas, lines);
  add_queues(disk, lines);
  return lines;
}

}  // namespace vqscope
