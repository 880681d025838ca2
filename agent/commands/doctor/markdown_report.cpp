// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "agent/commands/doctor/layout.h"
#include "agent/commands/doctor/phrasing.h"
#include "agent/commands/doctor/report.h"
#include "agent/topology/vmm.h"
#include "agent/view/disk_view.h"
#include "agent/view/disk_words.h"

namespace vqscope {

namespace {

constexpr std::size_t kPictureWidth = 80;

// Names come from sysfs, and a "*" or "_" in a sentence is no emphasis.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::string_view("\\`*_<>[]|#").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string code(std::string_view text) {
  return fmt::format("```\n{}{}```\n", text, text.ends_with('\n') ? "" : "\n");
}

std::string disk_text(const DiskDiagnosis& diagnosis, const Topology& topology) {
  std::string text = fmt::format("## {}\n\n- {}\n- {}\n", escaped(diagnosis.disk.name), escaped(who_is(diagnosis.disk)),
                                 escaped(setup_of(diagnosis.disk, topology)));
  for (const std::string& line : load_of(diagnosis.measured)) text += fmt::format("- {}\n", escaped(line));
  if (const std::string drawn = picture(diagnosis, kPictureWidth, is_guest(topology) ? "vCPU" : "CPU"); !drawn.empty())
    text += "\n" + code(drawn);
  return text + "\n";
}

std::string finding_text(const Finding& finding) {
  std::string text = fmt::format("### {}: {}\n\n", name_of(finding.found.severity), escaped(title_of(finding)));
  for (const std::string& sentence : finding.found.evidence) text += fmt::format("- {}\n", escaped(sentence));
  return text + fmt::format("\n{} (`{}`)\n\n", escaped(finding.kind->explanation), finding.kind->id);
}

std::string step_text(const Step& step) {
  std::string text = fmt::format("**{}**", escaped(step.where));
  if (!step.text.empty()) text += fmt::format(": {}", escaped(step.text));
  text += "\n\n";
  if (!step.snippet.empty()) text += code(step.snippet) + "\n";
  if (!step.caution) return text;
  for (const auto& [label, sentence] :
       {std::pair("Check first", step.caution->check_first), std::pair("Interrupts", step.caution->interrupts),
        std::pair("To go back", step.caution->undo), std::pair("At risk", step.caution->risk)})
    text += fmt::format("- {}: {}\n", label, escaped(sentence));
  return text + "\n";
}

std::string advice_text(const Advice& advice) {
  std::string text =
      fmt::format("### For `{}`\n\n{}{}\n\n", fmt::join(advice.mends, "`, `"), escaped(advice.instructions.summary),
                  advice.also.empty() ? "" : fmt::format(" The same for {}.", fmt::join(advice.also, ", ")));
  for (const Step& step : advice.instructions.steps) text += step_text(step);
  return text;
}

std::string untold_text(const Report& report) {
  std::string text;
  std::vector<std::string> idle;
  for (const Untold& untold : report.untold) {
    text += fmt::format("- Could not tell about {}: {}.\n", escaped(untold.device), escaped(untold.reason));
    if (untold.too_few_requests) idle.push_back(untold.device);
  }
  if (!text.empty()) text += "\n";
  if (!idle.empty() && !is_judged(report))
    text += "A load that only reads (a busy production disk will feel it):\n\n" +
            code(load_command(idle, report.topology)) + "\n";
  return text;
}

}  // namespace

std::string to_markdown(const Report& report) {
  const Headline verdict = verdict_of(report);
  std::string text = fmt::format("# vqscope doctor: {}\n\n**{}**\n\n{}\n\n{}\n\n", report.result, escaped(verdict.what),
                                 escaped(verdict.next), window_sentence(report));
  for (const std::string& line : origin_of(report)) text += fmt::format("- {}\n", escaped(line));
  if (!origin_of(report).empty()) text += "\n";
  for (const DiskDiagnosis& disk : report.diagnosis.disks) text += disk_text(disk, report.topology);
  if (!report.diagnosis.findings.empty()) text += "## Findings\n\n";
  for (const Finding& finding : report.diagnosis.findings) text += finding_text(finding);
  const AllAdvice all = advice_of(report);
  for (const auto& [title, advice] :
       {std::pair(std::string_view("What to do"), &all.to_do), std::pair(kOptionalAdvice, &all.optional)}) {
    if (!advice->empty()) text += fmt::format("## {}\n\n", title);
    for (const Advice& one : *advice) text += advice_text(one);
  }
  if (!all.to_do.empty() || !all.optional.empty()) text += escaped(report.platform.reason) + "\n\n";
  if (!all.how_to_see_more.empty()) text += escaped(all.how_to_see_more) + "\n\n";
  if (report.permitted) text += untold_text(report);
  for (const std::string& note : report.notes) text += fmt::format("Note: {}\n\n", escaped(note));
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

}  // namespace vqscope
