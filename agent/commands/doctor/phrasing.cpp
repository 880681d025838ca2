// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/doctor/phrasing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>

#include "agent/base/utc.h"
#include "agent/diagnosis/phrases.h"
#include "agent/model/supported_quantile.h"
#include "agent/topology/vmm.h"
#include "agent/view/disk_words.h"

namespace vqscope {

namespace {

constexpr std::array<std::string_view, VQS_OPS> kOps = {"reads", "writes", "flushes", "discards", "other"};

double count(std::size_t number) { return static_cast<double>(number); }

// "Of 353 us that a request takes on average: 3 % before issue, 88 % at the host, ..."
std::string time_of(const RequestTime& time) {
  const auto share = [&](double seconds) { return percent(seconds / time.total()); };
  std::string line =
      fmt::format("Of {} that a request takes on average: {} before issue, ",
                  duration(time.total() / static_cast<double>(time.requests)), share(*time.before_issue));
  if (time.at_host)
    line +=
        fmt::format("{} at the host, {} in completion ({} on the submitting vCPU, {} on another)", share(*time.at_host),
                    share(*time.completion), share(*time.completion_local), share(*time.completion_cross));
  else
    line += fmt::format("{} from there to completion", share(*time.at_device));
  if (time.lock_waits) line += fmt::format("; within these, {} in waits for locks", share(*time.lock_waits));
  return line;
}

// What waits for a vCPU that has no time to spare is slow without the disk's doing.
constexpr std::string_view kBeyondTheDisk =
    " What a program waits beyond the times below passes outside of the disk, such as until it runs again on a busy "
    "{0}, and is not seen here.";

// " vCPU 1 was busy for 98 % of the time. What a program ...", or nothing.
std::string about_full_cpus(const Report& report) {
  if (!report.full_cpus || report.full_cpus->empty()) return {};
  const std::string cpu = is_guest(report.topology) ? "vCPU" : "CPU";
  if (report.full_cpus->size() > 1) {
    std::vector<std::uint32_t> numbers;
    for (const CpuLoad& load : *report.full_cpus) numbers.push_back(load.cpu);
    return fmt::format(" {}s {} had no more than 5 % of the time to spare.", cpu, ranges(numbers)) +
           fmt::format(kBeyondTheDisk, cpu);
  }
  const CpuLoad& load = report.full_cpus->front();
  std::string text = fmt::format(" {} {} was busy for {} of the time", cpu, load.cpu, percent(load.busy));
  constexpr double kWorthTelling = 0.01;
  if (load.stolen >= kWorthTelling)
    text += fmt::format(", and ready to run for {} while the host ran something else", percent(load.stolen));
  return text + "." + fmt::format(kBeyondTheDisk, cpu);
}

}  // namespace

namespace {

// "2026-11-27 19:51:08 to 2026-11-27 19:52:08 UTC"
std::string window_of(const Report& report) {
  constexpr double kNsPerSecond = 1e9;
  // An agent's clock may stand at anything.
  const std::uint64_t begin = report.origin.header.started_realtime_ns,
                      end = begin + std::min(static_cast<std::uint64_t>(report.diagnosis.seconds * kNsPerSecond),
                                             std::numeric_limits<std::uint64_t>::max() - begin);
  return fmt::format("{} to {} UTC", format_utc(begin), format_utc(end));
}

}  // namespace

std::vector<std::string> origin_of(const Report& report) {
  const auto& [place, header, recorded] = report.origin;
  if (place.empty()) return {};
  std::vector<std::string> lines = {
      fmt::format("{}: {}, Linux {} ({})", recorded ? "Recording" : "Host", place, header.kernel_release,
                  header.machine),
      report.permitted ? fmt::format("Window: {} ({})", window_of(report), duration(report.diagnosis.seconds))
                       : fmt::format("Read at {} UTC", format_utc(header.started_realtime_ns)),
      fmt::format("Measured by: vqscope {}", header.vqscope_version)};
  if (!header.note.empty()) lines.push_back(fmt::format("Note: {}", header.note));
  return lines;
}

std::string window_sentence(const Report& report) {
  const std::string disks = plural(count(report.diagnosis.disks.size()), "disk"),
                    cpus = online_cpus_of(report.topology);
  if (!report.permitted) return fmt::format("Nothing was measured. How {} and {} are set up, from sysfs:", disks, cpus);
  const std::string& note = report.origin.header.note;
  const std::string when = !report.origin.recorded
                               ? ""
                               : fmt::format(", from {}, as {} has it{}", window_of(report), report.origin.place,
                                             note.empty() ? "" : fmt::format(" (\"{}\")", note));
  return fmt::format("Watched {} for {} {} with {}{}.{}", disks, duration(report.diagnosis.seconds),
                     is_guest(report.topology) ? "in a guest" : "on a machine that is no guest", cpus, when,
                     about_full_cpus(report));
}

// "reads: 101 us median, 264 us p99 at the device; 3 us p99 before, in the kernel": what its requests are enough for.
std::string latency_of(std::string_view op, const OpLoad& load) {
  const auto median = supported_quantile(load.device, 0.5), tail = supported_quantile(load.device, 0.99),
             waited = supported_quantile(load.queue, 0.99);
  const std::string number = grouped(count(load.device.count()));
  if (!median)
    return fmt::format("{}: {} on average at the device; {} seen, too few for a median and p99", op,
                       duration(static_cast<double>(load.device.sum_ns) / 1e9 / count(load.device.count())), number);
  std::string line = fmt::format("{}: {} median", op, duration(*median));
  line += tail ? fmt::format(", {} p99 at the device", duration(*tail))
               : fmt::format(" at the device; {} seen, too few for p99", number);
  if (waited) line += fmt::format("; {} p99 before, in the kernel", duration(*waited));
  return line;
}

std::vector<std::string> load_of(const Measured& measured) {
  std::vector<std::string> lines;
  if (measured.has_requests)
    lines.push_back(fmt::format("{} requests/s, {}, {} in flight on average", grouped(measured.requests_rate),
                                throughput(measured.bytes_rate), grouped(measured.average_inflight)));
  if (measured.time && measured.time->total() > 0) lines.push_back(time_of(*measured.time));
  for (std::size_t op = 0; op < VQS_OPS; ++op)
    if (measured.ops[op].device.count() > 0) lines.push_back(latency_of(kOps[op], measured.ops[op]));
  return lines;
}

std::string ranges(const std::vector<std::uint32_t>& cpus) {
  std::string text;
  for (std::size_t i = 0, end = 0; i < cpus.size(); i = end) {
    for (end = i + 1; end < cpus.size() && cpus[end] == cpus[end - 1] + 1;) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : ",", cpus[i]);
    if (end - i > 1) text += fmt::format("-{}", cpus[end - 1]);
  }
  return text;
}

std::string title_of(const Finding& finding) {
  return fmt::format("{}: {}", finding.device.empty() ? "guest" : finding.device, finding.kind->title);
}

}  // namespace vqscope
