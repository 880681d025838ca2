// SPDX-License-Identifier: Apache-2.0
// What was found and how to mend it, and the keys.
#include <fmt/format.h>

#include <algorithm>

#include "agent/base/text.h"
#include "agent/commands/top/frame.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/platform.h"
#include "agent/diagnosis/remedies.h"

namespace vqscope {

namespace {

const Disk* find_disk(const Picture& picture, const std::string& name) {
  for (const Disk& disk : picture.topology.disks)
    if (disk.name == name) return &disk;
  return nullptr;
}

// One that is too long is seen to be cut, and not run by mistake.
TextLine command_line(std::string_view command, std::size_t width) {
  constexpr std::string_view kIndent = "      ", kCut = " ... (vqscope doctor --remedies has all of it)";
  std::string text = std::string(kIndent) + plain_text(command);
  if (text.size() > width) {
    const std::size_t room = width - std::min(width, kCut.size()), blank = text.find_last_of(' ', room);
    text = text.substr(0, blank != std::string::npos && blank > kIndent.size() ? blank : room) + std::string(kCut);
  }
  return line(std::move(text), Style::kBold);
}

void add_remedy(const Picture& picture, const Finding& finding, std::size_t width, std::vector<TextLine>& lines) {
  const Disk* disk = find_disk(picture, finding.device);
  const Instructions instructions =
      instructions_for(finding.found.remedy, finding.device.empty() ? nullptr : disk, picture.topology,
                       choose_platforms(picture.topology, std::nullopt).platforms);
  if (!instructions.summary.empty()) add_wrapped(lines, instructions.summary, width, "  ", "  ");
  for (const Step& step : instructions.steps) {
    add_wrapped(lines, fmt::format("{}: {}", step.where, step.text), width, "  - ", "    ");
    for (const std::string_view command : split(step.snippet, "\n")) lines.push_back(command_line(command, width));
  }
}

}  // namespace

bool is_shown(const std::string& disk, const Ui& ui) { return disk.find(ui.filter) != std::string::npos; }

std::vector<const Finding*> shown_findings(const Picture& picture, const Ui& ui) {
  std::vector<const Finding*> shown;
  for (const Finding& finding : picture.findings.found)
    if (finding.device.empty() || is_shown(finding.device, ui)) shown.push_back(&finding);
  return shown;
}

std::string findings_head(const Picture& picture, const Ui& ui) {
  const bool some = !shown_findings(picture, ui).empty();
  const std::string time = duration(picture.findings.seconds.value_or(0));
  return fmt::format("{} in the {}{}{}", some ? "Found" : "No finding",
                     ui.paused ? fmt::format("{} before this moment", time) : "last " + time,
                     ui.filter.empty() ? "" : fmt::format(", of the guest and of disks with \"{}\"", ui.filter),
                     some ? ":" : ".");
}

std::string place_and_title(const Finding& finding) {
  return fmt::format("{}: {}", finding.device.empty() ? "guest" : finding.device, finding.kind->title);
}

std::vector<TextLine> finding_lines(const Picture& picture, const Ui& ui, const Canvas& canvas) {
  if (!picture.findings.seconds) return {line("There is no window yet in which something could be found.")};
  std::vector<TextLine> lines;
  add_wrapped(lines, findings_head(picture, ui), canvas.width, "", "  ", Style::kDim);
  for (const Finding* finding : shown_findings(picture, ui)) {
    lines.emplace_back();
    lines.push_back({{{fmt::format("{} ", name_of(finding->found.severity)), style_of(finding->found.severity)},
                      {plain_text(place_and_title(*finding)), Style::kBold}},
                     finding->device});
    for (const std::string& sentence : finding->found.evidence) add_wrapped(lines, sentence, canvas.width, "  ", "  ");
    add_remedy(picture, *finding, canvas.width, lines);
    lines.push_back(line(fmt::format("  More: vqscope explain {}", finding->kind->id), Style::kDim));
  }
  return lines;
}

std::vector<TextLine> help_lines(const Canvas& canvas) {
  constexpr std::size_t kColumn = 18;
  std::vector<TextLine> lines = {line("Keys", Style::kBold)};
  const auto add = [&](std::string_view name, std::string_view what) {
    add_wrapped(lines, what, canvas.width, fmt::format("  {:<{}}", name, kColumn - 2), std::string(kColumn, ' '));
  };
  for (const Binding& binding : bindings()) add(binding.names, binding.what);
  add("Mouse", "a click selects a disk, and opens one that is selected; the wheel scrolls");
  lines.emplace_back();
  lines.push_back(line("Columns", Style::kBold));
  add("INFL", "requests in flight at the device, on average; NOW: at this moment");
  add("P50, P99, P99.9",
      "of the time from issue to completion: the host, and the completion in this guest. ~: fewer than ten requests "
      "lie "
      "beyond it");
  add("BEFORE",
      "P99 of the time from start to issue, in this guest. The two kinds of time have histograms of their own: no "
      "quantile of both together is known");
  add("HOST", "share of the requests' time that was spent at the host");
  add("Q/CPU", "hardware queues / online vCPUs");
  add("IRQ", "vCPU that takes most of the disk's interrupts, and its share of them");
  add("FIND", "the worst finding of the last seconds, as below the disks");
  add("-", "not measured");
  add(".", "none, in the table of queues and vCPUs");
  lines.emplace_back();
  add_wrapped(
      lines,
      "\"Not counted\" above a picture is what measuring missed; vqscope explain with the word in brackets tells "
      "more.",
      canvas.width, "", "");
  return lines;
}

}  // namespace vqscope
