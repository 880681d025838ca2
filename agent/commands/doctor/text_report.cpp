// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "agent/base/terminal.h"
#include "agent/base/wrap.h"
#include "agent/commands/doctor/layout.h"
#include "agent/commands/doctor/phrasing.h"
#include "agent/commands/doctor/report.h"
#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/guest_remedies.h"
#include "agent/topology/vmm.h"
#include "agent/view/disk_view.h"
#include "agent/view/disk_words.h"

namespace vqscope {

namespace {

Paint paint_of(Severity severity) {
  switch (severity) {
    case Severity::kInfo: return Paint::kBold;
    case Severity::kWarning: return Paint::kYellow;
    case Severity::kCritical: break;
  }
  return Paint::kRed;
}

Paint paint_of_status(int status) {
  switch (status) {
    case kHealthy: return Paint::kGreen;
    case kWarning: return Paint::kYellow;
    case kCritical: return Paint::kRed;
    default: return Paint::kBold;
  }
}

std::string capitals(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

class Writer {
 public:
  Writer(const Report& report, const TextStyle& style) : report_(report), style_(style) {}

  std::string write() {
    show_verdict();
    paragraph(window_sentence(report_), "", "");
    text_ += "\n";
    for (const DiskDiagnosis& disk : report_.diagnosis.disks) show_disk(disk);
    for (const Finding& finding : report_.diagnosis.findings) show_finding(finding);
    show_advice();
    show_untold();
    for (const std::string& note : report_.notes) paragraph(note, "Note: ", "  ");
    if (!report_.notes.empty()) text_ += "\n";
    if (const Finding* finding = most_telling(report_))
      paragraph(fmt::format("More about a finding: vqscope explain {}", finding->kind->id), "", "  ");
    text_ += fmt::format("{} {}\n", styled("Result:", Paint::kBold),
                         styled(report_.result, paint_of_status(report_.status)));
    return std::move(text_);
  }

 private:
  [[nodiscard]] std::string styled(std::string_view text, Paint colour) const {
    return paint(text, colour, style_.colour);
  }

  // A paragraph that begins with a painted word.
  void headline(std::string_view label, Paint colour, std::string_view text) {
    const std::string lines = wrap(text, style_.width, fmt::format("{}  ", label), "  ");
    text_ += styled(label, colour) + lines.substr(label.size());
  }

  void paragraph(std::string_view text, std::string_view first, std::string_view indent) {
    text_ += wrap(text, style_.width, first, indent);
  }

  void show_verdict() {
    const Headline verdict = verdict_of(report_);
    headline(capitals(report_.result), paint_of_status(report_.status), verdict.what);
    paragraph(verdict.next, "", "  ");
    text_ += "\n";
  }

  void show_disk(const DiskDiagnosis& diagnosis) {
    headline(diagnosis.disk.name, Paint::kBold, who_is(diagnosis.disk));
    if (const std::string layers = about_layers(diagnosis.disk); !layers.empty()) paragraph(layers, "  ", "    ");
    paragraph(setup_of(diagnosis.disk, report_.topology), "  ", "    ");
    for (const std::string& line : load_of(diagnosis.measured)) paragraph(line, "  ", "    ");
    if (const std::string drawn = picture(diagnosis, style_.width - 2, is_guest(report_.topology) ? "vCPU" : "CPU");
        !drawn.empty())
      text_ += "\n" + indent_lines(drawn, "  ");
    text_ += "\n";
  }

  void show_finding(const Finding& finding) {
    headline(capitals(name_of(finding.found.severity)), paint_of(finding.found.severity), title_of(finding));
    for (const std::string& sentence : finding.found.evidence) paragraph(sentence, "  - ", "    ");
    paragraph(fmt::format("{} [{}]", finding.kind->explanation, finding.kind->id), "  ", "  ");
    text_ += "\n";
  }

  void show_step(const Step& step) {
    paragraph(step.text, fmt::format("  {}: ", step.where), "    ");
    if (!step.snippet.empty()) text_ += indent_lines(step.snippet, "      ");
    if (step.caution) show_caution(*step.caution);
  }

  void show_advice() {
    const AllAdvice all = advice_of(report_);
    bool host = show_advice("What to do", all.to_do);
    host |= show_advice(kOptionalAdvice, all.optional);
    if (host) paragraph(report_.platform.reason, "  ", "  "), text_ += "\n";
    if (!all.how_to_see_more.empty()) paragraph(all.how_to_see_more, "", "  "), text_ += "\n";
  }

  // Returns whether something is to be done elsewhere than in this guest.
  bool show_advice(std::string_view title, const std::vector<Advice>& all) {
    if (all.empty()) return false;
    text_ += styled(title, Paint::kBold) + "\n\n";
    bool host = false;
    for (const Advice& advice : all) {
      paragraph(fmt::format("{}{}", advice.instructions.summary,
                            advice.also.empty() ? "" : fmt::format(" The same for {}.", fmt::join(advice.also, ", "))),
                fmt::format("* {}: ", fmt::join(advice.mends, ", ")), "  ");
      for (const Step& step : advice.instructions.steps) {
        host |= step.where != kGuest && step.where != kMachine;
        show_step(step);
      }
      text_ += "\n";
    }
    return host;
  }

  void show_caution(const Caution& caution) {
    paragraph(caution.check_first, "    Check first: ", "      ");
    paragraph(caution.interrupts, "    Interrupts: ", "      ");
    paragraph(caution.undo, "    To go back: ", "      ");
    paragraph(caution.risk, "    At risk: ", "      ");
  }

  void show_untold() {
    if (report_.untold.empty() || !report_.permitted) return;
    std::vector<std::string> idle;
    for (const Untold& untold : report_.untold) {
      paragraph(untold.reason + ".", fmt::format("Could not tell about {}: ", untold.device), "  ");
      if (untold.too_few_requests) idle.push_back(untold.device);
    }
    if (!idle.empty() && !is_judged(report_)) {
      paragraph(fmt::format("{} under the load that is slow, or make some, which only reads (a busy production disk "
                            "will feel it):",
                            report_.origin.recorded ? "Record it" : "Run this again"),
                "", "");
      text_ += indent_lines(load_command(idle, report_.topology), "  ");
    }
    text_ += "\n";
  }

  const Report& report_;
  const TextStyle& style_;
  std::string text_;
};

}  // namespace

std::string to_text(const Report& report, const TextStyle& style) { return Writer(report, style).write(); }

}  // namespace vqscope
