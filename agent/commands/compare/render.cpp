// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/compare/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "agent/base/terminal.h"
#include "agent/base/text.h"
#include "agent/base/utc.h"
#include "agent/base/wrap.h"
#include "agent/comparison/statistics.h"
#include "agent/comparison/units.h"

namespace vqscope {

namespace {

// Every label of a row fits into so many columns, and then a row into kWidth.
constexpr std::size_t kWidth = 80, kLongestLabel = 24;

const std::string kInterval = fmt::format("{:.0f} % interval", kConfidence * 100);

// Of a row of which the interval tells nothing.
constexpr const char* kCannotTell = "cannot tell";

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
  if (row.from_nothing) {
    cells[3] = format_more_seconds(row.from_nothing->value);
    cells[4] =
        row.cannot_tell.empty() ? format_seconds_interval(row.from_nothing->low, row.from_nothing->high) : kCannotTell;
  }
  if (!row.ratio) return cells;
  cells[3] = format_percent(row.ratio->value);
  if (!row.cannot_tell.empty())
    cells[4] = kCannotTell;
  else if (row.ratio->high > row.ratio->low)
    cells[4] = format_interval(row.ratio->low, row.ratio->high);
  return cells;
}

Cells interrupt_cells(const DeviceReport& device, std::size_t cpu) {
  const auto text = [&](const std::vector<std::optional<double>>& rates) {
    return cpu < rates.size() && rates[cpu] ? format_count(*rates[cpu]) : std::string("-");
  };
  return {fmt::format("interrupts/s, vCPU {}", cpu), text(device.interrupts_before), text(device.interrupts_after), "",
          ""};
}

struct Line {
  Cells cells;
  std::string_view remark;
  bool heading = false;
};

// The rows that anything is known of.
std::vector<Line> lines_of(const std::vector<Row>& rows) {
  std::vector<Line> lines;
  for (const Row& row : rows)
    if (row.before || row.after) lines.push_back({cells_of(row), row.remark});
  return lines;
}

// All of a disk, with a heading before each operation.
std::vector<Line> lines_of(const DeviceReport& device) {
  std::vector<Line> lines = lines_of(device.rows);
  const std::size_t cpus = std::max(device.interrupts_before.size(), device.interrupts_after.size());
  constexpr std::size_t kShownCpus = 16;
  for (std::size_t cpu = 0; cpu < std::min(cpus, kShownCpus); ++cpu)
    if ((cpu < device.interrupts_before.size() && device.interrupts_before[cpu]) ||
        (cpu < device.interrupts_after.size() && device.interrupts_after[cpu]))
      lines.push_back({interrupt_cells(device, cpu), ""});
  if (cpus > kShownCpus) lines.push_back({{fmt::format("and {} more: --json", cpus - kShownCpus), "", "", "", ""}, ""});
  for (const OperationReport& operation : device.operations) {
    lines.push_back({{operation.name, "", "", "", ""}, "", true});
    const std::vector<Line> rows = lines_of(operation.rows);
    lines.insert(lines.end(), rows.begin(), operation.major ? rows.end() : rows.begin() + 1);  // or the rate alone
  }
  return lines;
}

std::string describe(const SideReport& side) {
  std::string text = fmt::format("{}Z, {:.0f} s", format_utc(side.header.started_realtime_ns), side.seconds);
  if (side.begin > 0.5) text += fmt::format(" from second {:.0f}", side.begin);
  if (!side.header.note.empty()) text += fmt::format(", \"{}\"", side.header.note);
  return text;
}

std::string describe_guest(const SideReport& side) {
  return fmt::format("Linux {}, {} vCPU{}{}", side.header.kernel_release, side.cpus, side.cpus == 1 ? "" : "s",
                     side.vmm.empty() ? "" : ", " + side.vmm);
}

// Words that no line can hold, such as paths, in pieces that it can.
std::string in_pieces(std::string_view text, std::size_t longest) {
  std::string out;
  for (const std::string_view word : split(text)) {
    if (!out.empty()) out += ' ';
    for (std::size_t begin = 0; begin < word.size();) {
      std::size_t end = std::min(begin + longest, word.size());
      // Not within a character of UTF-8.
      while (end < word.size() && end > begin + 1 && (static_cast<unsigned char>(word[end]) & 0xc0) == 0x80) --end;
      if (begin > 0) out += ' ';
      out += word.substr(begin, end - begin);
      begin = end;
    }
  }
  return out;
}

// Text that may be the user's, in lines of kWidth.
std::string in_lines(std::string_view text, std::string_view first, std::string_view indent = "        ") {
  return wrap(in_pieces(printable(text), kWidth - std::max(first.size(), indent.size())), kWidth, first, indent);
}

std::string pad(std::string_view text, std::size_t width, bool right) {
  // Every character here takes one column and one byte.
  const std::string blanks(width > text.size() ? width - text.size() : 0, ' ');
  return right ? blanks + std::string(text) : std::string(text) + blanks;
}

std::optional<Paint> paint_of(std::string_view word) {
  if (word == "better") return Paint::kGreen;
  if (word == "worse") return Paint::kRed;
  if (word == "not comparable" || word == "mixed") return Paint::kYellow;
  return std::nullopt;
}

std::string painted(std::string_view word, std::string_view meaning, bool colour) {
  return paint(word, paint_of(meaning).value_or(Paint::kBold), colour);
}

void render_table(std::string_view title, const std::vector<Line>& lines, bool colour, std::string& out) {
  const bool fits = title.size() <= kLongestLabel;
  if (!fits) out += in_lines(title, "", "  ");
  const Cells heads = {fits ? printable(title) : "", "before", "after", "change", kInterval};
  std::array<std::size_t, 5> widths = {};
  std::size_t remark = 0;
  for (std::size_t i = 0; i < heads.size(); ++i) widths[i] = heads[i].size();
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.cells.size(); ++i)
      widths[i] = std::max(widths[i], line.cells[i].size() + (i == 0 && !line.heading ? 2 : 0));
    remark = std::max(remark, line.remark.size());
  }
  const std::size_t all = std::accumulate(widths.begin(), widths.end(), remark + 2 * widths.size());
  const std::string gap(all > kWidth ? 1 : 2, ' ');
  const auto add = [&](const Cells& cells, std::string_view said, bool heading) {
    std::string line = pad((heading ? "" : "  ") + cells[0], widths[0], false);
    for (std::size_t i = 1; i < cells.size(); ++i) line += gap + pad(cells[i], widths[i], true);
    line += gap;
    if (said.empty()) line.erase(line.find_last_not_of(' ') + 1);
    out +=
        (heading ? paint(line, Paint::kBold, colour) : line) + (said.empty() ? "" : painted(said, said, colour)) + "\n";
  };
  add(heads, "", true);
  for (const Line& line : lines) add(line.cells, line.remark, line.heading);
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

// "vda: BETTER: ..."
void render_verdict(const DeviceReport& device, bool colour, std::string& out) {
  const std::string_view verdict = name_of(device.judgement.verdict);
  const std::string word = upper(verdict);
  std::string text = in_lines(fmt::format("{}: {}: {}", title_of(device), word, device.judgement.reason), "", "  ");
  // A verdict of two words may stand on two lines.
  for (const std::string_view part : split(word))
    if (const std::size_t at = text.find(part); at != std::string::npos && colour)
      text.replace(at, part.size(), painted(part, verdict, colour));
  out += text;
  if (!device.time.sentence.empty()) out += in_lines(device.time.sentence, "  time: ");
  for (const std::string& note : device.judgement.notes) out += in_lines(note, "  note: ");
}

}  // namespace

std::string render_text(const Comparison& comparison, bool colour) {
  std::string out;
  for (const DeviceReport& device : comparison.devices) render_verdict(device, colour, out);
  out += "\n";
  for (const auto& [name, side] : {std::pair("before", &comparison.before), std::pair("after", &comparison.after)}) {
    out += in_lines(side->file, fmt::format("{:<8}", name));
    out += in_lines(describe(*side), "        ");
    out += in_lines(describe_guest(*side), "        ");
  }
  if (comparison.changes.empty())
    out += in_lines("nothing that vqscope can see of the guest's configuration", "changed ");
  for (const TopologyChange& change : comparison.changes)
    out += in_lines(fmt::format("{}: {} -> {}", change.what, change.before, change.after),
                    &change == comparison.changes.data() ? "changed " : "        ");
  for (const FindingChange& finding : comparison.findings)
    out += in_lines(describe(finding), fmt::format("{:<8}", state_of(finding)));
  for (const std::string& note : comparison.notes) out += in_lines(note, "note    ");
  if (const auto lines = lines_of(comparison.guest); !lines.empty()) {
    out += "\n";
    render_table("guest", lines, colour, out);
  }
  for (const DeviceReport& device : comparison.devices) {
    if (device.judgement.idle) continue;
    out += "\n";
    render_table(title_of(device), lines_of(device), colour, out);
  }
  return out;
}

std::string render_markdown(const Comparison& comparison) {
  std::string out;
  for (const DeviceReport& device : comparison.devices) {
    out += fmt::format("**{}: {}**: {}.\n\n", title_of(device), name_of(device.judgement.verdict),
                       escape_markdown(device.judgement.reason));
    if (!device.time.sentence.empty()) out += "Time: " + escape_markdown(device.time.sentence) + ".\n\n";
    for (const std::string& note : device.judgement.notes) out += "Note: " + escape_markdown(note) + ".\n\n";
  }
  out += "| | before | after |\n|---|---|---|\n";
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
  for (const Line& line : lines_of(comparison.guest)) add(line.cells[0], line.cells[1], line.cells[2]);
  for (const std::string& note : comparison.notes) out += "\nNote: " + escape_markdown(note) + ".\n";
  for (const DeviceReport& device : comparison.devices) {
    if (device.judgement.idle) continue;
    out += fmt::format("\n| {} | before | after | change | {} | |\n|---|---:|---:|---:|---:|---|\n", title_of(device),
                       kInterval);
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
