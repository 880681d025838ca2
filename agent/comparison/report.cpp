// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "agent/comparison/device_report.h"
#include "agent/comparison/units.h"
#include "agent/diagnosis/thresholds.h"

namespace vqscope {

namespace {

// Whether what went on there was enough that a finding would have been seen. Of the guest: long enough.
bool could_judge(const Series& side, const std::string& device) {
  if (side.seconds < static_cast<double>(kFewestSeconds)) return false;
  if (device.empty()) return true;
  const DeviceSeries* series = side.find(device);
  return series != nullptr && series->totals.seconds > 0 &&
         static_cast<double>(series->totals.requests()) >= kJudgedRate * series->totals.seconds;
}

// Of errors and requests that hang one is enough, whatever went on besides.
bool is_told_at_any_rate(const Series& side, const FindingChange& change) {
  return std::any_of(side.findings.begin(), side.findings.end(), [&](const Finding& finding) {
    return finding.kind->id == change.id && finding.device == change.device && finding.kind->raise_after == 1;
  });
}

// Leaves out what is found on one side only where not both could be judged, and says so.
template <typename NameAfter>
void keep_judged(const Series& before, const Series& after, const NameAfter& name_after, Comparison& comparison) {
  std::set<std::string> unjudged;
  std::erase_if(comparison.findings, [&](const FindingChange& change) {
    if ((change.before && change.after) || is_told_at_any_rate(after, change)) return false;
    std::string earlier = change.device;
    for (const DeviceSeries& device : before.devices)
      if (name_after(device.disk.name) == change.device) earlier = device.disk.name;
    if (could_judge(before, earlier) && could_judge(after, change.device)) return false;
    unjudged.insert(change.device.empty() ? "the guest" : change.device);
    return true;
  });
  if (!unjudged.empty())
    comparison.notes.push_back(
        fmt::format("what was found of {} is not compared: one side is too short, or had too few requests to judge by",
                    fmt::join(unjudged, " and of ")));
}

template <typename NameAfter>
std::vector<FindingChange> compare_findings(const Series& before, const Series& after, const NameAfter& name_after) {
  std::vector<FindingChange> changes;
  for (const Finding& finding : before.findings) {
    const auto name = finding.device.empty() ? std::optional<std::string>("") : name_after(finding.device);
    changes.push_back({std::string(finding.kind->id), std::string(finding.kind->title), name.value_or(finding.device),
                       finding.found.severity, std::nullopt});
  }
  for (const Finding& finding : after.findings) {
    const auto same = std::find_if(changes.begin(), changes.end(), [&](const FindingChange& change) {
      return change.id == finding.kind->id && change.device == finding.device;
    });
    if (same != changes.end())
      same->after = finding.found.severity;
    else
      changes.push_back({std::string(finding.kind->id), std::string(finding.kind->title), finding.device, std::nullopt,
                         finding.found.severity});
  }
  const auto rank = [](const FindingChange& change) { return !change.after ? 0 : !change.before ? 1 : 2; };
  std::stable_sort(changes.begin(), changes.end(),
                   [&](const FindingChange& a, const FindingChange& b) { return rank(a) < rank(b); });
  return changes;
}

// A share of the guest's time.
struct GuestFact {
  const char* key;
  const char* label;
  std::optional<double> (*of)(const Series&);
};

std::optional<double> cpu_share(const Series& series, std::uint64_t (*part)(const CpuUse&)) {
  if (!series.activity.cpu) return std::nullopt;
  const CpuUse& cpu = *series.activity.cpu;
  const std::uint64_t all = cpu.user + cpu.system + cpu.irq + cpu.softirq + cpu.idle + cpu.iowait + cpu.steal;
  return all > 0 ? std::optional(static_cast<double>(part(cpu)) / static_cast<double>(all)) : std::nullopt;
}

// These times are read some milliseconds before or after the counters whose time a reading has: over a short time that
// is much of it, and over any, a little more than all of it may come out.
std::optional<double> time_share(const Series& series, const std::optional<std::uint64_t>& microseconds) {
  if (!microseconds || series.activity_seconds < static_cast<double>(kFewestSeconds) - 0.5) return std::nullopt;
  return std::min(static_cast<double>(*microseconds) / 1e6 / series.activity_seconds, 1.0);
}

std::optional<double> busy_share(const Series& series) {
  return cpu_share(series, [](const CpuUse& cpu) { return cpu.user + cpu.system + cpu.irq + cpu.softirq; });
}

std::optional<double> steal_share(const Series& series) {
  return cpu_share(series, [](const CpuUse& cpu) { return cpu.steal; });
}

constexpr GuestFact kGuestFacts[] = {
    {"cpu_busy_share", "vCPU time busy", busy_share},
    {"cpu_interrupt_share", "in interrupts",
     [](const Series& s) { return cpu_share(s, [](const CpuUse& cpu) { return cpu.irq + cpu.softirq; }); }},
    {"cpu_steal_share", "taken by the host", steal_share},
    {"cpu_pressure_share", "tasks waited for CPUs",
     [](const Series& s) { return time_share(s, s.activity.cpu_some_us); }},
    {"io_pressure_share", "tasks waited for disks",
     [](const Series& s) { return time_share(s, s.activity.io_some_us); }},
    {"io_full_pressure_share", "and none was running",
     [](const Series& s) { return time_share(s, s.activity.io_full_us); }},
};

// What ran besides, or what the host took, may be all that there is to a difference.
constexpr double kOtherwiseBusy = 0.15, kMoreStolen = 0.02;

void compare_activity(const Series& before, const Series& after, Comparison& comparison) {
  for (const GuestFact& fact : kGuestFacts)
    comparison.guest.push_back({fact.key, fact.label, Unit::kShare, fact.of(before), fact.of(after), {}, ""});
  const auto note = [&](const char* what, std::optional<double> (*of)(const Series&), double threshold) {
    const auto a = of(before), b = of(after);
    if (a && b && std::abs(*a - *b) > threshold)
      comparison.notes.push_back(
          fmt::format("{} {:.0f} % of the vCPUs' time before and {:.0f} % after: that alone can make "
                      "a difference",
                      what, *a * 100, *b * 100));
  };
  note("the guest was busy for", busy_share, kOtherwiseBusy);
  note("the host took", steal_share, kMoreStolen);
}

// Requests wait for vCPUs then, and what else runs there decides how long.
constexpr double kNearlyAlwaysBusy = 0.95, kOftenWaited = 0.5;

void tell_of_busy_cpus(const Series& before, const Series& after, Comparison& comparison) {
  std::string told;
  bool busy = false;
  const auto look = [&](const char* what, std::optional<double> a, std::optional<double> b, double limit) {
    if (!a && !b) return;
    busy |= std::max(a.value_or(0), b.value_or(0)) >= limit;
    const auto share = [](std::optional<double> value) {
      return value ? fmt::format("{:.0f} %", *value * 100) : std::string("an unknown share");
    };
    told += fmt::format("{}{} for {} of the time before and {} after", told.empty() ? "" : ", and ", what, share(a),
                        share(b));
  };
  look("the vCPUs were busy", busy_share(before), busy_share(after), kNearlyAlwaysBusy);
  look("tasks waited for CPUs", time_share(before, before.activity.cpu_some_us),
       time_share(after, after.activity.cpu_some_us), kOftenWaited);
  if (!busy) return;
  for (DeviceReport& device : comparison.devices) {
    const Verdict verdict = device.judgement.verdict;
    if (verdict == Verdict::kBetter || verdict == Verdict::kWorse || verdict == Verdict::kMixed)
      device.judgement.notes.push_back(
          told +
          ": latency and rate depend on who else used the vCPUs, so the difference need not be due to the disk "
          "or to what was changed");
  }
}

SideReport describe(const Series& series) {
  return {series.file,    series.header,       series.begin,
          series.seconds, series.topology.vmm, series.topology.online_cpus.size()};
}

// One run differs from the next, and no recording shows by how much.
void tell_of_no_change(Comparison& comparison) {
  for (DeviceReport& device : comparison.devices)
    if (device.judgement.verdict == Verdict::kBetter || device.judgement.verdict == Verdict::kWorse)
      device.judgement.notes.emplace_back(
          "nothing that the guest can see of its configuration changed: if nothing was changed on the host or in the "
          "load, so much does one run differ from the next here");
}

}  // namespace

std::string_view name_of(Unit unit) {
  switch (unit) {
    case Unit::kPerSecond: return "1/s";
    case Unit::kBytes: return "bytes";
    case Unit::kBytesPerSecond: return "bytes/s";
    case Unit::kSeconds: return "seconds";
    case Unit::kShare: return "share";
    case Unit::kNone: break;
  }
  return "";
}

std::string format_value(double value, Unit unit) {
  switch (unit) {
    case Unit::kBytes: return format_bytes(value);
    case Unit::kBytesPerSecond: return format_bytes(value) + "/s";
    case Unit::kSeconds: return format_seconds(value);
    case Unit::kShare: return fmt::format("{:.1f} %", value * 100);
    case Unit::kPerSecond:
    case Unit::kNone: break;
  }
  return format_count(value);
}

Result<Comparison> compare_series(const Series& before, const Series& after,
                                  const std::vector<std::pair<std::string, std::string>>& renamed, double min_effect) {
  Comparison comparison{describe(before),
                        describe(after),
                        changes_between(before.header, before.topology, after.header, after.topology),
                        {},
                        {},
                        {},
                        {}};
  for (const auto& [from, to] : renamed) {
    if (before.find(from) == nullptr) return fail(fmt::format("--device: {} has no disk {}", before.file, from));
    if (after.find(to) == nullptr) return fail(fmt::format("--device: {} has no disk {}", after.file, to));
  }
  const auto name_after = [&](const std::string& name) -> std::optional<std::string> {
    for (const auto& [from, to] : renamed) {
      if (from == name) return to;
      if (to == name) return std::nullopt;  // that one is another disk's now
    }
    return name;
  };
  std::vector<const DeviceSeries*> matched;
  for (const DeviceSeries& device : before.devices) {
    const auto name = name_after(device.disk.name);
    const DeviceSeries* other = name ? after.find(*name) : nullptr;
    if (other == nullptr) {
      comparison.notes.push_back(fmt::format("{} is in {} only", device.disk.name, before.file));
      continue;
    }
    matched.push_back(other);
    for (TopologyChange& change : changes_between(device.disk, other->disk))
      comparison.changes.push_back(std::move(change));
    if (device.disk.facts.settings.empty() != other->disk.facts.settings.empty())
      comparison.notes.push_back(
          fmt::format("the settings of {} are in one of the recordings only, so what of them "
                      "changed is not known",
                      other->disk.name));
    comparison.devices.push_back(compare_devices(device, before, *other, after, min_effect));
  }
  for (const DeviceSeries& device : after.devices)
    if (std::find(matched.begin(), matched.end(), &device) == matched.end())
      comparison.notes.push_back(fmt::format("{} is in {} only", device.disk.name, after.file));
  if (comparison.devices.empty())
    return fail(fmt::format("no disk is in both recordings ({}); --device A=B says which one was renamed",
                            fmt::join(comparison.notes, "; ")));
  compare_activity(before, after, comparison);
  tell_of_busy_cpus(before, after, comparison);
  if (before.file != after.file && after.header.started_realtime_ns < before.header.started_realtime_ns)
    comparison.notes.push_back(
        fmt::format("{} was recorded before {}, by the clock of the guest: are they the right "
                    "way round?",
                    after.file, before.file));
  if (comparison.changes.empty()) tell_of_no_change(comparison);
  comparison.findings = compare_findings(before, after, name_after);
  keep_judged(before, after, name_after, comparison);
  for (const Series* side : {&before, &after})
    for (const std::string& note : side->notes)  // both may be of one file
      if (std::find(comparison.notes.begin(), comparison.notes.end(), note) == comparison.notes.end())
        comparison.notes.push_back(note);
  return comparison;
}

Verdict overall(const Comparison& comparison) {
  bool better = false, worse = false, unknown = true, mixed = false, not_comparable = false;
  for (const DeviceReport& device : comparison.devices) {
    if (device.judgement.idle) continue;
    unknown = false;
    better |= device.judgement.verdict == Verdict::kBetter;
    worse |= device.judgement.verdict == Verdict::kWorse;
    mixed |= device.judgement.verdict == Verdict::kMixed;
    not_comparable |= device.judgement.verdict == Verdict::kNotComparable;
  }
  if (worse) return Verdict::kWorse;
  if (not_comparable || unknown) return Verdict::kNotComparable;
  if (mixed) return Verdict::kMixed;
  return better ? Verdict::kBetter : Verdict::kNoDifference;
}

}  // namespace vqscope
