// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "agent/base/wrap.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/remedies.h"
#include "agent/doctor/layout.h"
#include "agent/doctor/report.h"
#include "agent/model/window.h"

namespace vqscope {

namespace {

constexpr std::array<std::string_view, VQS_OPS> kOps = {"reads", "writes", "flushes", "discards", "other"};

// ECMA-48 attributes.
constexpr std::string_view kBold = "1", kGreen = "1;32", kYellow = "1;33", kRed = "1;31", kBlue = "1;34";

class Writer {
 public:
  Writer(const Report& report, const TextStyle& style) : report_(report), style_(style) {}

  std::string write() {
    header();
    for (const DiskDiagnosis& disk : report_.diagnosis.disks) show_disk(disk);
    for (const Finding& finding : report_.diagnosis.findings) show_finding(finding);
    show_remedies();
    show_untold();
    for (const std::string& note : report_.notes) paragraph(note, "Note: ", "  ");
    if (!report_.notes.empty()) text_ += "\n";
    verdict();
    return std::move(text_);
  }

 private:
  [[nodiscard]] std::string styled(std::string_view text, std::string_view attributes) const {
    return style_.color ? fmt::format("\x1b[{}m{}\x1b[0m", attributes, text) : std::string(text);
  }

  void paragraph(std::string_view text, std::string_view first, std::string_view indent) {
    text_ += wrap(text, style_.width, first, indent);
  }

  void header() {
    const Diagnosis& diagnosis = report_.diagnosis;
    text_ +=
        styled(fmt::format("Watched {} for {} in a guest with {}.",
                           plural(static_cast<double>(diagnosis.disks.size()), "disk"), duration(diagnosis.seconds),
                           plural(static_cast<double>(report_.topology.online_cpus.size()), "online vCPU")),
               kBold) +
        "\n\n";
  }

  void show_disk(const DiskDiagnosis& diagnosis) {
    const Disk& disk = diagnosis.disk;
    const Measured& measured = diagnosis.measured;
    text_ += styled(disk.name, kBold);
    std::vector<std::string> who;
    for (const std::string& part : {disk.driver, disk.transport, disk.bus_id})
      if (!part.empty()) who.push_back(part);
    if (!disk.scheduler.empty()) who.push_back("elevator " + disk.scheduler);
    text_ += fmt::format("  {}\n", fmt::join(who, ", "));
    if (measured.has_requests)
      text_ += fmt::format("  {} requests/s, {}, {} in flight on average\n", grouped(measured.requests_rate),
                           throughput(measured.bytes_rate), grouped(measured.average_inflight));
    for (std::size_t op = 0; op < VQS_OPS; ++op) {
      const OpLoad& load = measured.ops[op];
      const auto median = quantile(load.device, 0.5), tail = quantile(load.device, 0.99);
      if (!median || !tail) continue;
      text_ += fmt::format("  {:<10}{} median, {} p99 at the device", fmt::format("{}:", kOps[op]), duration(*median),
                           duration(*tail));
      if (const auto waited = quantile(load.queue, 0.99))
        text_ += fmt::format("; {} p99 before, in the guest", duration(*waited));
      text_ += "\n";
    }
    if (const std::string drawn = picture(diagnosis, style_.width - 2); !drawn.empty())
      text_ += "\n" + indent_lines(drawn, "  ");
    text_ += "\n";
  }

  void show_finding(const Finding& finding) {
    const Severity severity = finding.found.severity;
    const std::string_view attributes = severity == Severity::kCritical  ? kRed
                                        : severity == Severity::kWarning ? kYellow
                                                                         : kBlue;
    std::string label(name_of(severity));
    std::transform(label.begin(), label.end(), label.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
    const std::string headline =
        wrap(fmt::format("{}: {}", finding.device.empty() ? "guest" : finding.device, finding.kind->title),
             style_.width, label + "  ", "  ");
    text_ += styled(label, attributes) + headline.substr(label.size());
    for (const std::string& sentence : finding.found.evidence) paragraph(sentence, "  - ", "    ");
    paragraph(fmt::format("{} [{}]", finding.kind->explanation, finding.kind->id), "  ", "  ");
    text_ += "\n";
  }

  [[nodiscard]] const Disk* disk_of(const Finding& finding) const {
    for (const DiskDiagnosis& diagnosis : report_.diagnosis.disks)
      if (diagnosis.disk.name == finding.device) return &diagnosis.disk;
    return nullptr;
  }

  // One remedy for all findings that it mends, on disks of one kind.
  void show_remedies() {
    struct Group {
      const Finding* first;
      std::vector<std::string> mends;
      std::vector<std::string> also;  // further disks
    };
    std::vector<Group> groups;
    for (const Finding& finding : report_.diagnosis.findings) {
      // What is no more than worth knowing is worth no trip to the host's administrator.
      if (finding.found.remedy == Remedy::kNone || finding.found.severity == Severity::kInfo) continue;
      const auto key = [&](const Finding& f) {
        const Disk* disk = disk_of(f);
        return std::tuple(f.found.remedy, disk != nullptr ? disk->driver : "", disk != nullptr ? disk->transport : "");
      };
      const auto it = std::find_if(groups.begin(), groups.end(),
                                   [&](const Group& group) { return key(*group.first) == key(finding); });
      Group& group = it != groups.end() ? *it : groups.emplace_back(Group{&finding, {}, {}});
      if (std::find(group.mends.begin(), group.mends.end(), finding.kind->id) == group.mends.end())
        group.mends.emplace_back(finding.kind->id);
      if (finding.device != group.first->device &&
          std::find(group.also.begin(), group.also.end(), finding.device) == group.also.end())
        group.also.push_back(finding.device);
    }
    if (groups.empty()) return;
    text_ += styled("What to do", kBold) + "\n\n";
    bool host = false;
    for (const Group& group : groups) {
      const Instructions instructions = instructions_for(group.first->found.remedy, disk_of(*group.first),
                                                         report_.topology, report_.platform.platforms);
      paragraph(fmt::format("{}{}", instructions.summary,
                            group.also.empty() ? "" : fmt::format(" The same for {}.", fmt::join(group.also, ", "))),
                fmt::format("* {}: ", fmt::join(group.mends, ", ")), "  ");
      for (const Step& step : instructions.steps) {
        host |= step.where != "In this guest";
        paragraph(step.text, fmt::format("  {}: ", step.where), "    ");
        if (!step.snippet.empty()) text_ += indent_lines(step.snippet, "      ");
      }
      text_ += "\n";
    }
    if (host) paragraph(report_.platform.reason, "  ", "  "), text_ += "\n";
  }

  void show_untold() {
    if (report_.untold.empty()) return;
    std::vector<std::string> idle;
    for (const Untold& untold : report_.untold) {
      paragraph(untold.reason + ".", fmt::format("Could not tell about {}: ", untold.device), "  ");
      if (untold.idle) idle.push_back(untold.device);
    }
    if (!idle.empty() && report_.status == kCouldNotTell) {
      paragraph(
          "Run this again under the load that is slow, or make some, which only reads (a busy production disk "
          "will feel it):",
          "", "");
      text_ += indent_lines(load_command(idle, report_.topology), "  ");
    }
    text_ += "\n";
  }

  void verdict() {
    const int status = report_.status;
    const std::string_view attributes = status == kHealthy    ? kGreen
                                        : status == kCritical ? kRed
                                        : status == kWarning  ? kYellow
                                                              : kBold;
    text_ += fmt::format("{} {}\n", styled("Result:", kBold), styled(name_of_status(status), attributes));
  }

  const Report& report_;
  const TextStyle& style_;
  std::string text_;
};

}  // namespace

std::string to_text(const Report& report, const TextStyle& style) { return Writer(report, style).write(); }

}  // namespace vqscope
