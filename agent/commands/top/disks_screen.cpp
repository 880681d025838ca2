// SPDX-License-Identifier: Apache-2.0
// All disks, a line each.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/commands/top/frame.h"

namespace vqscope {

namespace {

struct Row {
  const DiskView& disk;
  std::size_t cpus = 0;
  std::optional<Severity> worst;  // of its findings; absent: there is none
};

struct Column {
  std::string_view title;
  std::size_t width = 0;  // with the blank before it
  int rank = 0;           // the higher ones are left out where there is no room
  std::string (*text)(const Row&);
  std::optional<double> (*value)(const Row&);  // to sort by
};

std::optional<double> seconds_of(const std::optional<QuantileValue>& quantile) {
  return quantile ? std::optional(quantile->seconds) : std::nullopt;
}

std::optional<double> bytes_of(const Row& row, std::size_t op) {
  if (!row.disk.bytes_rate) return std::nullopt;
  return row.disk.operations[op] ? row.disk.operations[op]->bytes_rate : 0;
}

std::optional<double> host_of(const Row& row) { return row.disk.time ? host_share(*row.disk.time) : std::nullopt; }

std::optional<double> inflight_of(const Row& row) {
  return row.disk.inflight ? std::optional(static_cast<double>(row.disk.inflight->requests)) : std::nullopt;
}

// "vCPU 3 takes 98 % of the interrupts".
std::string busiest_of(const Row& row) {
  if (!row.disk.busiest_share) return "-";
  return fmt::format("{}:{}", *row.disk.busiest_cpu, share_cell(row.disk.busiest_share));
}

std::string_view short_name(Severity severity) {
  switch (severity) {
    case Severity::kCritical: return "crit";
    case Severity::kWarning: return "warn";
    case Severity::kInfo: break;
  }
  return "info";
}

constexpr std::size_t kNameWidth = 8, kWidestName = 24;

// The name comes before these.
const std::vector<Column>& columns() {
  static const std::vector<Column> all = {
      {"REQ/S", 8, 0, [](const Row& r) { return number_cell(r.disk.requests_rate); },
       [](const Row& r) { return r.disk.requests_rate; }},
      {"MiB/S", 7, 0, [](const Row& r) { return mebibytes_cell(r.disk.bytes_rate); },
       [](const Row& r) { return r.disk.bytes_rate; }},
      {"READ", 7, 2, [](const Row& r) { return mebibytes_cell(bytes_of(r, VQS_READ)); },
       [](const Row& r) { return bytes_of(r, VQS_READ); }},
      {"WRITE", 7, 2, [](const Row& r) { return mebibytes_cell(bytes_of(r, VQS_WRITE)); },
       [](const Row& r) { return bytes_of(r, VQS_WRITE); }},
      {"INFL", 6, 0, [](const Row& r) { return number_cell(r.disk.average_inflight); },
       [](const Row& r) { return r.disk.average_inflight; }},
      {"NOW", 5, 3, [](const Row& r) { return number_cell(inflight_of(r)); }, inflight_of},
      {"P50", 9, 0, [](const Row& r) { return quantile_cell(r.disk.at_device.p50); },
       [](const Row& r) { return seconds_of(r.disk.at_device.p50); }},
      {"P99", 9, 0, [](const Row& r) { return quantile_cell(r.disk.at_device.p99); },
       [](const Row& r) { return seconds_of(r.disk.at_device.p99); }},
      {"P99.9", 9, 1, [](const Row& r) { return quantile_cell(r.disk.at_device.p999); },
       [](const Row& r) { return seconds_of(r.disk.at_device.p999); }},
      {"BEFORE", 9, 3, [](const Row& r) { return quantile_cell(r.disk.before_issue.p99); },
       [](const Row& r) { return seconds_of(r.disk.before_issue.p99); }},
      {"HOST", 5, 1, [](const Row& r) { return share_cell(host_of(r)); }, host_of},
      {"Q/CPU", 6, 0, [](const Row& r) { return fmt::format("{}/{}", r.disk.queues, r.cpus); },
       [](const Row& r) { return std::optional(static_cast<double>(r.disk.queues)); }},
      {"IRQ", 8, 1, busiest_of, [](const Row& r) { return r.disk.busiest_share; }},
      {"FIND", 5, 0, [](const Row& r) { return r.worst ? std::string(short_name(*r.worst)) : "-"; },
       [](const Row& r) { return r.worst ? std::optional(static_cast<double>(*r.worst)) : std::nullopt; }},
  };
  return all;
}

// Those that there is room for, in their order.
std::vector<const Column*> fitting_columns(std::size_t room) {
  std::vector<const Column*> shown;
  for (int rank = 0; rank <= 3; ++rank) {
    std::size_t width = 0;
    std::vector<const Column*> candidates;
    for (const Column& column : columns())
      if (column.rank <= rank) {
        width += column.width;
        candidates.push_back(&column);
      }
    if (rank > 0 && width > room) break;
    shown = std::move(candidates);
  }
  return shown;
}

Row row_of(const DiskView& disk, const Picture& picture) {
  Row row{disk, picture.topology.online_cpus.size(), std::nullopt};
  for (const Finding& finding : picture.findings.found)
    if (finding.device == disk.name) row.worst = std::max(row.worst, std::optional(finding.found.severity));
  return row;
}

}  // namespace

std::vector<std::string> sort_columns() {
  std::vector<std::string> titles = {"DISK"};
  for (const Column& column : columns()) titles.emplace_back(column.title);
  return titles;
}

std::vector<const DiskView*> sorted_disks(const Picture& picture, const Ui& ui) {
  std::vector<const DiskView*> disks;
  for (const DiskView& disk : picture.disks)
    if (is_shown(disk.name, ui)) disks.push_back(&disk);
  const Column* column = ui.sort == 0 ? nullptr : &columns()[ui.sort - 1];
  std::ranges::stable_sort(disks, [&](const DiskView* a, const DiskView* b) {
    if (column == nullptr) return ui.reversed ? a->name > b->name : a->name < b->name;
    const auto x = column->value(row_of(*a, picture)), y = column->value(row_of(*b, picture));
    if (!x || !y) return x.has_value() && !y.has_value();  // what was not measured comes last
    return ui.reversed ? *x < *y : *x > *y;
  });
  return disks;
}

std::vector<TextLine> disk_table(const Picture& picture, const Ui& ui, const Canvas& canvas) {
  std::size_t name_width = kNameWidth;
  for (const DiskView& disk : picture.disks) name_width = std::clamp(disk.name.size(), name_width, kWidestName);
  const auto shown = fitting_columns(canvas.width - std::min(canvas.width, name_width));
  const auto title = [&](std::string text, std::size_t number) {
    return Span{std::move(text), ui.sort == number ? Style::kBold : Style::kDim};
  };
  TextLine head{{title(fmt::format("{:<{}}", "DISK", name_width), 0)}};
  for (const Column* column : shown)
    head.spans.push_back(title(fmt::format("{:>{}}", column->title, column->width),
                               1 + static_cast<std::size_t>(column - columns().data())));
  std::vector<TextLine> lines = {std::move(head)};
  for (const DiskView* disk : sorted_disks(picture, ui)) {
    const Row row = row_of(*disk, picture);
    const bool selected = disk->name == ui.disk;
    TextLine text{{{fmt::format("{:<{}.{}}", plain_text(disk->name), name_width, name_width),
                    selected ? Style::kSelected : Style::kPlain}},
                  disk->name};
    for (const Column* column : shown) {
      const bool is_findings = column == &columns().back();
      text.spans.push_back({fmt::format("{:>{}}", column->text(row), column->width), selected ? Style::kSelected
                                                                                     : is_findings && row.worst
                                                                                         ? style_of(*row.worst)
                                                                                         : Style::kPlain});
    }
    lines.push_back(std::move(text));
  }
  return lines;
}

std::vector<TextLine> finding_titles(const Picture& picture, const Ui& ui, std::size_t most) {
  if (!picture.findings.seconds) return {};
  const std::vector<const Finding*> findings = shown_findings(picture, ui);
  std::vector<TextLine> lines = {line(findings_head(picture, ui), Style::kDim)};
  for (const Finding* finding : findings) {
    if (lines.size() + 1 == most && findings.size() + 1 > most) {
      lines.push_back(line(fmt::format("... and {} more: press f", findings.size() + 1 - lines.size()), Style::kDim));
      break;
    }
    lines.push_back({{{fmt::format("{:<5}", short_name(finding->found.severity)), style_of(finding->found.severity)},
                      {plain_text(place_and_title(*finding))}},
                     finding->device});
  }
  return lines;
}

}  // namespace vqscope
