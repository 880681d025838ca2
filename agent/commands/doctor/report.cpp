// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/doctor/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "agent/commands/doctor/phrasing.h"
#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/model/window.h"
#include "agent/topology/parse.h"
#include "agent/topology/vmm.h"
#include "agent/view/losses.h"

namespace vqscope {

namespace {

// In the head of a report.
constexpr std::size_t kNamedDisks = 2;

const ProbeStatus* find_probe(const Reading& reading, const std::string& name) {
  for (const ProbeStatus& probe : reading.probes)
    if (probe.name == name) return &probe;
  return nullptr;
}

// A smaller part of the requests changes no number that is told.
constexpr double kLossWorthTelling = 0.001;

// Losses by which the numbers are not those of the disks: not single notifications or waits for locks.
void tell_losses(const Snapshot& first, const Snapshot& last, std::vector<std::string>& notes) {
  for (const Loss& loss : losses_between(first, last).value_or(std::vector<Loss>())) {
    const bool of_disks =
        loss.kind == VQS_LOST_NO_ROOM || loss.kind == VQS_LOST_QUEUE_RANGE || loss.kind == VQS_LOST_TAG_RANGE;
    if (of_disks || loss.share().value_or(0) >= kLossWorthTelling)
      notes.push_back(fmt::format("{}. More: vqscope explain {}", tell(loss), kLossNames[loss.kind]));
  }
}

std::vector<std::string> what_was_not_seen(const Reading& first, const Reading& last, bool recorded) {
  std::vector<std::string> notes;
  tell_losses(first.snapshot, last.snapshot, notes);
  for (const DeviceSnapshot& device : first.snapshot.devices) {
    if (find_device(last.snapshot, device) != nullptr) continue;
    const bool replaced = std::any_of(last.snapshot.devices.begin(), last.snapshot.devices.end(),
                                      [&](const DeviceSnapshot& d) { return d.name == device.name; });
    notes.push_back(replaced ? fmt::format("{} was replaced by another disk while it was watched.", device.name)
                             : fmt::format("{} went away while it was watched.", device.name));
  }
  for (const DeviceSnapshot& device : last.snapshot.devices)
    if (std::none_of(first.snapshot.devices.begin(), first.snapshot.devices.end(),
                     [&](const DeviceSnapshot& d) { return d.name == device.name; }))
      notes.push_back(fmt::format("{} came while the others were watched; {} to judge it.", device.name,
                                  recorded ? "give a --from after that" : "run this again"));
  constexpr std::pair<const char*, const char*> kWithout[] = {
      {"irq", "who completes whose requests was not seen, and interrupts are the kernel's own counts"},
      {"notify", "what notifications of the host take was not measured"},
      {"lock", "waits for locks were not measured"}};
  const ProbeStatus* block = find_probe(last, "block");
  for (const auto& [name, what] : kWithout)
    if (const ProbeStatus* probe = find_probe(last, name);
        probe != nullptr && !probe->up && (block == nullptr || block->reason != probe->reason))
      notes.push_back(fmt::format("The {} probe is off, so {}: {}.", name, what, probe->reason));
  return notes;
}

// `is_told`: what it did is in a finding, however few its requests are.
std::optional<Untold> why_not_told(const DiskDiagnosis& disk, const Reading& reading, bool is_told) {
  const Measured& measured = disk.measured;
  if (!measured.has_requests) {
    const ProbeStatus* probe = find_probe(reading, "block");
    return Untold{disk.disk.name, probe != nullptr && !probe->up
                                      ? fmt::format("its requests could not be seen: {}", probe->reason)
                                      : "its requests could not be seen: there was no room for it"};
  }
  // What one queue does to several vCPUs shows only when they are busy.
  const bool one_queue = disk.disk.queues.size() == 1 && hypervisor_sets_queues(reading.topology, disk.disk) &&
                         reading.topology.online_cpus.size() > 1;
  if (measured.requests_rate >= (one_queue ? kBusyRate : kJudgedRate) || is_told) return std::nullopt;
  return Untold{disk.disk.name,
                measured.requests_rate == 0
                    ? "it was idle"
                    : fmt::format("{} requests/s are too few to judge {} by", grouped(measured.requests_rate),
                                  one_queue ? "its one queue" : "it"),
                true, measured.requests_rate == 0};
}

// What the disk did over the window was judged, so that its requests were not too few. Errors and hung requests
// (raise_after 1) are told of at any rate, and say nothing of how it does otherwise.
bool tells_of(const Diagnosis& diagnosis, const DiskDiagnosis& disk) {
  return std::ranges::any_of(diagnosis.findings, [&](const Finding& finding) {
    return finding.device == disk.disk.name &&
           ((finding.found.severity > Severity::kInfo && finding.kind->raise_after > 1) ||
            finding.kind->id == "storage_limit");
  });
}

bool only_wants_load(const Report& report) {
  return !report.untold.empty() && std::ranges::all_of(report.untold, &Untold::too_few_requests);
}

int status_of(const Report& report, bool idle_is_ok) {
  if (!report.permitted) return kCouldNotTell;
  Severity worst = Severity::kInfo;
  for (const Finding& finding : report.diagnosis.findings) worst = std::max(worst, finding.found.severity);
  if (worst == Severity::kCritical) return kCritical;
  if (worst == Severity::kWarning) return kWarning;
  // Of what came later, or would have, nothing is known.
  if (report.cut_short) return kCouldNotTell;
  if (report.untold.size() < report.diagnosis.disks.size()) return kHealthy;
  return idle_is_ok && only_wants_load(report) ? kHealthy : kCouldNotTell;
}

std::string_view result_of(const Report& report) {
  switch (report.status) {
    case kHealthy: return report.untold.size() < report.diagnosis.disks.size() ? "healthy" : "idle";
    case kWarning: return "warning";
    case kCritical: return "critical";
    default: return "could not tell";
  }
}

// What costs nobody else anything and can be taken back at once.
bool is_done_here(Remedy remedy) { return remedy == Remedy::kMoveSubmitter; }

Instructions instructions(const Finding& finding, const Report& report) {
  return instructions_for(finding.found.remedy, disk_of(finding, report), report.topology, report.platform.platforms);
}

// Where nearly all of the time of many requests passes outside this guest, as of one that is at its storage's end
// without being slow enough, or steady enough, for a finding. Fast storage that is kept busy looks the same.
std::string about_time_at_device(const Report& report) {
  const DiskDiagnosis* deepest = nullptr;
  const auto seconds_there = [](const RequestTime& time) { return time.at_host.value_or(time.at_device.value_or(0)); };
  for (const DiskDiagnosis& disk : report.diagnosis.disks) {
    const Measured& measured = disk.measured;
    if (measured.requests_rate < kJudgedRate || measured.average_inflight < kDeepInflight || !measured.time ||
        seconds_there(*measured.time) < kHostShare * measured.time->total())
      continue;
    if (deepest == nullptr || measured.average_inflight > deepest->measured.average_inflight) deepest = &disk;
  }
  if (deepest == nullptr) return {};
  const RequestTime& time = *deepest->measured.time;
  const bool is_hosts = is_guest(report.topology) && is_hosts_disk(deepest->disk);
  return fmt::format(
      "On {} {} of {} pass {}, {} in flight; see the note below.", deepest->disk.name,
      percent(seconds_there(time) / time.total()), duration(time.total() / static_cast<double>(time.requests)),
      time.at_host && is_hosts ? "at the host" : "at the device", grouped(deepest->measured.average_inflight));
}

std::string could_try(const Report& report) {
  for (const Finding& finding : report.diagnosis.findings)
    if (is_done_here(finding.found.remedy))
      return fmt::format("You could try: {}.", instructions(finding, report).in_short);
  if (std::string text = about_time_at_device(report); !text.empty()) return text;
  const bool recorded = report.origin.recorded;
  if (report.full_cpus && !report.full_cpus->empty())
    return fmt::format("If it {} slow {}, its programs may {} for {}, not for disks (see below).",
                       recorded ? "was" : "is", recorded ? "then" : "now", recorded ? "have waited" : "wait",
                       is_guest(report.topology) ? "vCPUs" : "CPUs");
  return recorded ? "If it is slow at other times, look at a recording of those."
                  : "If it is slow at other times, run this again then.";
}

Headline verdict_of_findings(const Report& report) {
  const Finding& worst = report.diagnosis.findings.front();
  const auto more = std::count_if(report.diagnosis.findings.begin() + 1, report.diagnosis.findings.end(),
                                  [](const Finding& f) { return f.found.severity != Severity::kInfo; });
  const std::string remedy = instructions(worst, report).in_short;
  return {fmt::format("{}: {}", worst.device.empty() ? "guest" : worst.device, worst.kind->title),
          fmt::format("What to do: {}.{}", remedy.empty() ? "see below" : remedy,
                      more > 0 ? fmt::format(" ({} more below)", more) : "")};
}

// Of equally severe ones, what something can be done about comes first.
void put_what_helps_first(Report& report) {
  std::vector<Finding>& findings = report.diagnosis.findings;
  for (auto begin = findings.begin(); begin != findings.end();) {
    const auto end = std::find_if(
        begin, findings.end(), [&](const Finding& finding) { return finding.found.severity != begin->found.severity; });
    std::stable_partition(begin, end, [&](const Finding& finding) { return instructions(finding, report).helps; });
    begin = end;
  }
}

}  // namespace

Report make_report(const Reading& first, const Reading& last, const Course& course, ReportOptions options) {
  Report report;
  report.topology = last.topology;
  report.diagnosis = diagnose(last.topology, first.snapshot, last.snapshot, course, options.platform);
  report.platform = choose_platforms(last.topology, options.platform);
  report.permitted = options.permitted;
  report.notes = std::move(options.notes);
  report.origin = std::move(options.origin);
  report.full_cpus = full_cpus(difference_without_devices(first.snapshot, last.snapshot).cpu_times);
  report.all_remedies = options.all_remedies;
  report.cut_short = !options.cut_short.empty();
  if (report.cut_short) report.notes.push_back(std::move(options.cut_short));
  for (std::string& note : what_was_not_seen(first, last, report.origin.recorded))
    report.notes.push_back(std::move(note));
  for (const DiskDiagnosis& disk : report.diagnosis.disks)
    if (auto untold = why_not_told(disk, last, tells_of(report.diagnosis, disk)))
      report.untold.push_back(std::move(*untold));
  put_what_helps_first(report);
  report.status = status_of(report, options.idle_is_ok);
  report.result = result_of(report);
  // Of what is wrong the findings say what to do.
  if (report.status == kHealthy && !about_time_at_device(report).empty())
    report.notes.emplace_back(
        "Where many are in flight, and nearly all of their time passes at the device, run the load with half its "
        "depth or jobs: if it brings as many requests/s, they stand in line there.");
  return report;
}

Headline verdict_of(const Report& report) {
  if (!report.permitted)
    return {"Without rights, only how the disks are set up can be told.",
            "Run it as root, or with CAP_BPF and CAP_PERFMON: sudo vqscope doctor"};
  if (report.status == kWarning || report.status == kCritical) return verdict_of_findings(report);
  std::vector<std::string> judged;
  for (const DiskDiagnosis& disk : report.diagnosis.disks)
    if (std::none_of(report.untold.begin(), report.untold.end(),
                     [&](const Untold& untold) { return untold.device == disk.disk.name; }))
      judged.push_back(fmt::format("{} ({} requests/s)", disk.disk.name, grouped(disk.measured.requests_rate)));
  if (judged.size() > kNamedDisks + 1) {
    const std::size_t more = judged.size() - kNamedDisks;
    judged.resize(kNamedDisks);
    judged.push_back(plural(static_cast<double>(more), "other disk"));
  }
  if (!judged.empty() && report.cut_short)
    return {fmt::format("Nothing wrong showed on {} until the watching was cut short.", fmt::join(judged, ", ")),
            "See the note below, and run this again."};
  if (!judged.empty())
    return {fmt::format("Nothing wrong shows under this load on {}.", fmt::join(judged, ", ")), could_try(report)};
  const bool recorded = report.origin.recorded;
  if (report.untold.empty())
    return {"No disk was there from the beginning to the end.",
            recorded ? "Give another piece of it, with --from and --to." : "Run this again."};
  const Untold& untold = report.untold.front();
  const std::size_t more = report.untold.size() - 1;
  // The kernel's own words stand below.
  const std::string reason =
      untold.too_few_requests ? untold.reason : untold.reason.substr(0, untold.reason.find(": ")) + " (see below)";
  return {fmt::format("{}: {}{}.", untold.device, reason,
                      more > 0 ? fmt::format(", and {} more below", plural(static_cast<double>(more), "disk")) : ""),
          only_wants_load(report) ? (recorded ? "Look at a recording of the load that is slow."
                                              : "Run it again under the load that is slow.")
                                  : "What the kernel tells by itself is below."};
}

const Finding* most_telling(const Report& report) {
  const std::vector<Finding>& findings = report.diagnosis.findings;
  if (findings.empty()) return nullptr;
  if (report.status == kWarning || report.status == kCritical) return &findings.front();
  const auto here =
      std::ranges::find_if(findings, [](const Finding& finding) { return is_done_here(finding.found.remedy); });
  return here != findings.end() ? &*here : &findings.front();
}

bool is_judged(const Report& report) {
  if (report.cut_short && report.untold.size() < report.diagnosis.disks.size()) return true;
  return report.status != kCouldNotTell && report.result != "idle";
}

const Disk* disk_of(const Finding& finding, const Report& report) {
  for (const DiskDiagnosis& diagnosis : report.diagnosis.disks)
    if (diagnosis.disk.name == finding.device) return &diagnosis.disk;
  return nullptr;
}

AllAdvice advice_of(const Report& report) {
  using Key = std::tuple<Remedy, std::string, std::string>;
  struct Group {
    Key key;
    std::string device;  // that the instructions name
    Advice advice;
    bool optional = false;
  };
  std::vector<Group> groups;
  AllAdvice all;
  const bool troubled = report.status == kWarning || report.status == kCritical;
  for (const Finding& finding : report.diagnosis.findings) {
    if (finding.found.remedy == Remedy::kNone) continue;
    // What is no more than worth knowing is worth no trip to the host's administrator.
    const bool optional =
        finding.found.severity == Severity::kInfo && (troubled || !is_done_here(finding.found.remedy));
    if (optional && !report.all_remedies) {
      all.how_to_see_more = fmt::format("What would change the INFO findings: {} --remedies",
                                        report.origin.recorded ? "the same with" : "vqscope doctor");
      continue;
    }
    const Disk* disk = disk_of(finding, report);
    const Key key(finding.found.remedy, disk != nullptr ? disk->driver : "", disk != nullptr ? disk->transport : "");
    const auto known = std::ranges::find(groups, key, &Group::key);
    if (known == groups.end()) {
      groups.push_back(
          {key, finding.device, {{std::string(finding.kind->id)}, {}, instructions(finding, report)}, optional});
      continue;
    }
    Advice& advice = known->advice;
    if (std::ranges::find(advice.mends, finding.kind->id) == advice.mends.end())
      advice.mends.emplace_back(finding.kind->id);
    if (finding.device != known->device && std::ranges::find(advice.also, finding.device) == advice.also.end())
      advice.also.push_back(finding.device);
  }
  for (Group& group : groups) (group.optional ? all.optional : all.to_do).push_back(std::move(group.advice));
  return all;
}

std::string load_command(const std::vector<std::string>& disks, const Topology& topology) {
  // A path of NVMe's own multipathing has no file; the disk that it leads to has.
  std::vector<std::string> files;
  for (const std::string& disk : disks) {
    std::string file = "/dev/" + head_of_nvme_path(disk).value_or(disk);
    if (std::ranges::find(files, file) == files.end()) files.push_back(std::move(file));
  }
  return fmt::format(
      "fio --name=load --readonly --rw=randread --bs=4k --direct=1 \\\n"
      "    --ioengine=libaio --iodepth=16 --time_based --runtime=60 \\\n"
      "    --filename={} \\\n"
      "    --numjobs={} --cpus_allowed={} \\\n"
      "    --cpus_allowed_policy=split --group_reporting",
      fmt::join(files, ":"), topology.online_cpus.size(), ranges(topology.online_cpus));
}

}  // namespace vqscope
