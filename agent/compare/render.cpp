// SPDX-License-Identifier: Apache-2.0
#include "agent/compare/render.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "agent/compare/units.h"

namespace vqscope {

namespace {

// An interval whose ends are so many times apart says nothing.
constexpr double kTooWide = 100;

std::string format_time(std::uint64_t realtime_ns) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}Z", fmt::gmtime(static_cast<std::time_t>(realtime_ns / 1'000'000'000)));
}

std::string title_of(const DeviceReport& device) {
  return device.before == device.after ? device.after : device.before + " -> " + device.after;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

using Cells = std::array<std::string, 5>;  // label, before, after, change, interval and remark

Cells cells_of(const Row& row) {
  const auto text = [&](const std::optional<double>& value) { return value ? format_value(*value, row.unit) : "-"; };
  Cells cells = {row.label, text(row.before), text(row.after), "", ""};
  if (!row.ratio) return cells;
  cells[3] = format_percent(row.ratio->value);
  if (row.ratio->high > kTooWide * row.ratio->low)
    cells[4] = "too few to say";
  else if (row.ratio->high > row.ratio->low)
    cells[4] = fmt::format("{} .. {}", format_percent(row.ratio->low), format_percent(row.ratio->high));
  return cells;
}

Cells interrupt_cells(const DeviceReport& device, std::size_t cpu) {
  const auto text = [&](const std::vector<std::optional<double>>& rates) {
    return cpu < rates.size() && rates[cpu] ? format_count(*rates[cpu]) : std::string("-");
  };
  return {fmt::format("interrupts/s on vCPU {}", cpu), text(device.interrupts_before), text(device.interrupts_after),
          "", ""};
}

struct Line {
  Cells cells;
  std::string_view remark;
  bool heading = false;
};

// The rows of a disk that anything is known of, with a heading before each operation.
std::vector<Line> lines_of(const DeviceReport& device) {
  std::vector<Line> lines;
  const auto add = [&](const Row& row) {
    if (row.before || row.after) lines.push_back({cells_of(row), row.remark});
  };
  for (const Row& row : device.rows) add(row);
  const std::size_t cpus = std::max(device.interrupts_before.size(), device.interrupts_after.size());
  constexpr std::size_t kShownCpus = 16;
  for (std::size_t cpu = 0; cpu < std::min(cpus, kShownCpus); ++cpu)
    if ((cpu < device.interrupts_before.size() && device.interrupts_before[cpu]) ||
        (cpu < device.interrupts_after.size() && device.interrupts_after[cpu]))
      lines.push_back({interrupt_cells(device, cpu), ""});
  if (cpus > kShownCpus)
    lines.push_back({{fmt::format("... and {} vCPUs more, see --json", cpus - kShownCpus), "", "", "", ""}, ""});
  for (const OperationReport& operation : device.operations) {
    lines.push_back({{operation.name, "", "", "", ""}, "", true});
    for (const Row& row : operation.rows) {
      add(row);
      if (!operation.major) break;  // the rate alone
    }
  }
  return lines;
}

std::string describe(const SideReport& side) {
  std::string text = fmt::format("{}, {:.0f} s", format_time(side.header.started_realtime_ns), side.seconds);
  if (side.begin > 0.5) text += fmt::format(" from second {:.0f}", side.begin);
  if (!side.header.note.empty()) text += fmt::format(", \"{}\"", side.header.note);
  return text;
}

std::string describe_guest(const SideReport& side) {
  return fmt::format("Linux {}, {} vCPU{}{}", side.header.kernel_release, side.cpus, side.cpus == 1 ? "" : "s",
                     side.vmm.empty() ? "" : ", " + side.vmm);
}

std::string pad(std::string_view text, std::size_t width, bool right) {
  // Every character here takes one column and one byte.
  const std::string blanks(width > text.size() ? width - text.size() : 0, ' ');
  return right ? blanks + std::string(text) : std::string(text) + blanks;
}

void render_table(const std::vector<Line>& lines, std::string& out) {
  Cells heads = {"", "before", "after", "change", "99 % interval"};
  std::array<std::size_t, 5> widths = {};
  for (std::size_t i = 0; i < heads.size(); ++i) {
    widths[i] = heads[i].size();
    for (const Line& line : lines)
      widths[i] = std::max(widths[i], line.cells[i].size() + (i == 0 && !line.heading ? 2 : 0));
  }
  const auto add = [&](const Cells& cells, std::string_view remark, bool indent) {
    std::string line = "  " + pad((indent ? "  " : "") + cells[0], widths[0], false);
    for (std::size_t i = 1; i < cells.size(); ++i) line += "  " + pad(cells[i], widths[i], true);
    line += fmt::format("  {}", remark);
    while (!line.empty() && line.back() == ' ') line.pop_back();
    out += line + "\n";
  };
  add(heads, "", false);
  for (const Line& line : lines) add(line.cells, line.remark, !line.heading);
}

// A cell may not end the table's row, and a note is the user's.
std::string escape_markdown(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '\\' || c == '`' || c == '*' || c == '<') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string_view state_of(const FindingChange& finding) {
  return !finding.after ? "gone" : !finding.before ? "new" : "still";
}

std::string describe(const FindingChange& finding) {
  std::string text = fmt::format("{}{}: {} ({}", finding.device.empty() ? "" : finding.device + ": ", finding.id,
                                 finding.title, name_of(finding.before ? *finding.before : *finding.after));
  if (finding.before && finding.after && *finding.before != *finding.after)
    text += fmt::format(" -> {}", name_of(*finding.after));
  return text + ")";
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  return out;
}

}  // namespace

std::string render_text(const Comparison& comparison) {
  std::string out;
  for (const auto& [name, side] : {std::pair("before", &comparison.before), std::pair("after", &comparison.after)})
    out += fmt::format("{:<7} {}\n        {}; {}\n", name, side->file, printable(describe(*side)),
                       printable(describe_guest(*side)));
  if (comparison.changes.empty()) out += "changed nothing that vqscope can see of the guest's configuration\n";
  for (const TopologyChange& change : comparison.changes)
    out += fmt::format("{} {}: {} -> {}\n", &change == comparison.changes.data() ? "changed" : "       ", change.what,
                       printable(change.before), printable(change.after));
  for (const FindingChange& finding : comparison.findings)
    out += fmt::format("{:<7} {}\n", state_of(finding), describe(finding));
  for (const std::string& note : comparison.notes) out += "note    " + note + "\n";
  for (const DeviceReport& device : comparison.devices) {
    out += fmt::format("\n{}: {}: {}\n", title_of(device), upper(name_of(device.judgement.verdict)),
                       device.judgement.reason);
    for (const std::string& note : device.judgement.notes) out += "  note: " + note + "\n";
    if (!device.judgement.idle) render_table(lines_of(device), out);
  }
  return out;
}

std::string render_markdown(const Comparison& comparison) {
  std::string out = "| | before | after |\n|---|---|---|\n";
  const SideReport &before = comparison.before, &after = comparison.after;
  const auto add = [&](std::string_view what, const std::string& a, const std::string& b) {
    out += fmt::format("| {} | {} | {} |\n", escape_markdown(what), escape_markdown(a), escape_markdown(b));
  };
  add("recording", before.file, after.file);
  add("recorded", describe(before), describe(after));
  add("guest", describe_guest(before), describe_guest(after));
  for (const TopologyChange& change : comparison.changes) add(change.what, change.before, change.after);
  for (const FindingChange& finding : comparison.findings)
    add("finding " + finding.id + (finding.device.empty() ? "" : " on " + finding.device),
        finding.before ? std::string(name_of(*finding.before)) : "-",
        finding.after ? std::string(name_of(*finding.after)) : "-");
  for (const std::string& note : comparison.notes) out += "\nNote: " + escape_markdown(note) + ".\n";
  for (const DeviceReport& device : comparison.devices) {
    out += fmt::format("\n**{}: {}**: {}.\n", title_of(device), name_of(device.judgement.verdict),
                       escape_markdown(device.judgement.reason));
    for (const std::string& note : device.judgement.notes) out += "\nNote: " + escape_markdown(note) + ".\n";
    if (device.judgement.idle) continue;
    out += "\n| | before | after | change | 99 % interval | |\n|---|---:|---:|---:|---:|---|\n";
    for (const Line& line : lines_of(device)) {
      const Cells& c = line.cells;
      if (line.heading)
        out += fmt::format("| **{}** | | | | | |\n", c[0]);
      else
        out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", c[0], c[1], c[2], c[3], c[4], line.remark);
    }
  }
  return out;
}

}  // namespace vqscope
