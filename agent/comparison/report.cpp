// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string>

#include "agent/comparison/bursts.h"
#include "agent/comparison/units.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/model/model.h"
#include "agent/model/operations.h"
#include "agent/model/supported_quantile.h"

namespace vqscope {

namespace {

struct RowKind {
  std::size_t number;
  const char* key;
  const char* label;
  Unit unit;
  Wish wish;
  unsigned threshold;   // of the smallest effect, how many times
  double quantile = 0;  // 0: it is none
  Histogram Totals::Op::*of = nullptr;
};

constexpr RowKind kDeviceRows[] = {
    {kRate, "requests_per_second", "requests/s", Unit::kPerSecond, Wish::kMore, 1},
    {kMedianRate, "median_second_requests_per_second", "  in the median second", Unit::kPerSecond, Wish::kMore, 1},
    {kThroughput, "bytes_per_second", "throughput", Unit::kBytesPerSecond, Wish::kMore, 1},
    {kMeanLatency, "latency_mean", "mean latency", Unit::kSeconds, Wish::kLess, 1},
    {kMedianLatency, "median_second_latency_mean", "  in the median second", Unit::kSeconds, Wish::kLess, 1},
    {kBeforeIssue, "before_issue_mean", "before issue", Unit::kSeconds, Wish::kNone, 1},
    {kAtDevice, "at_device_mean", "issue to completion", Unit::kSeconds, Wish::kNone, 1},
    {kAtHost, "at_host_mean", "  at the host", Unit::kSeconds, Wish::kNone, 1},
    {kCompletion, "completion_mean", "  in completion", Unit::kSeconds, Wish::kNone, 1},
    {kCompletionLocal, "completion_local_mean", "    local", Unit::kSeconds, Wish::kNone, 1},
    {kCompletionCross, "completion_cross_cpu_mean", "    cross-vCPU", Unit::kSeconds, Wish::kNone, 1},
    {kLockWaits, "lock_waits_mean", "in these, for locks", Unit::kSeconds, Wish::kNone, 1},
    {kAvgquSz, "avgqu_sz", "avgqu-sz", Unit::kNone, Wish::kNone, 1},
    {kMedianAvgquSz, "median_second_avgqu_sz", "  in the median second", Unit::kNone, Wish::kNone, 1},
};

constexpr RowKind kOpRows[] = {
    {kOpRate, "requests_per_second", "requests/s", Unit::kPerSecond, Wish::kMore, 1},
    {kOpThroughput, "bytes_per_second", "throughput", Unit::kBytesPerSecond, Wish::kMore, 1},
    {kOpSize, "bytes_per_request", "request size", Unit::kBytes, Wish::kNone, 1},
    {kDeviceP50, "device_latency_p50", "device p50", Unit::kSeconds, Wish::kLess, 1, 0.5, &Totals::Op::device},
    {kDeviceP95, "device_latency_p95", "device p95", Unit::kSeconds, Wish::kLess, 2, 0.95, &Totals::Op::device},
    {kDeviceP99, "device_latency_p99", "device p99", Unit::kSeconds, Wish::kLess, 2, 0.99, &Totals::Op::device},
    {kDeviceP999, "device_latency_p999", "device p99.9", Unit::kSeconds, Wish::kLess, 4, 0.999, &Totals::Op::device},
    {kQueueP50, "queue_latency_p50", "queue p50", Unit::kSeconds, Wish::kLess, 1, 0.5, &Totals::Op::queue},
    {kQueueP95, "queue_latency_p95", "queue p95", Unit::kSeconds, Wish::kLess, 2, 0.95, &Totals::Op::queue},
    {kQueueP99, "queue_latency_p99", "queue p99", Unit::kSeconds, Wish::kLess, 2, 0.99, &Totals::Op::queue},
    {kQueueP999, "queue_latency_p999", "queue p99.9", Unit::kSeconds, Wish::kLess, 4, 0.999, &Totals::Op::queue},
};

// By the same rules as the verdict: what the load is answerable for is neither better nor worse.
std::string_view remark_on(const std::optional<Ratio>& ratio, const RowKind& kind, double min_effect,
                           const LoadMatch& load) {
  if (!ratio || kind.wish == Wish::kNone || !ratio->certain()) return "";
  const bool is_rate = kind.wish == Wish::kMore;
  if (is_rate ? !load.rate_counts : !load.latency_counts) return "";
  if (magnitude(*ratio) < std::log1p(kind.threshold * min_effect) + (is_rate ? 0 : load.allowance)) return "";
  return (ratio->value > 1) == is_rate ? "better" : "worse";
}

Row make_row(const Pair& pair, const RowKind& kind, std::size_t number, double min_effect, const Judgement& judgement) {
  Row row{
      kind.key,           kind.label, kind.unit, pair.before_numbers[number].value, pair.after_numbers[number].value,
      pair.ratio(number), ""};
  if (!row.ratio && kind.unit == Unit::kSeconds && row.before != row.after)
    row.from_nothing = difference(pair.before_numbers[number], pair.after_numbers[number]);
  // What nothing was seen of is not said of its parts.
  if (judgement.verdict != Verdict::kNotComparable && judgement.verdict != Verdict::kNoDifference)
    row.remark = remark_on(row.ratio, kind, min_effect, judgement.load);
  return row;
}

// A quantile that a side's requests are too few for is not measured there.
void drop_unsupported(const RowKind& kind, const Totals::Op& before, const Totals::Op& after, Row& row) {
  if (!is_supported((before.*kind.of).count(), kind.quantile)) row.before.reset();
  if (!is_supported((after.*kind.of).count(), kind.quantile)) row.after.reset();
  if (row.before && row.after) return;
  row.ratio.reset();
  row.from_nothing.reset();
  row.remark = "";
}

double sum(const std::vector<std::uint64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), 0.0); }

// Numbers that are facts of the window and not estimates of anything.
struct Fact {
  const char* key;
  const char* label;
  Unit unit;
  std::optional<double> (*of)(const DeviceSeries&);
};

std::optional<double> per(double count, double of) { return of > 0 ? std::optional(count / of) : std::nullopt; }

constexpr Fact kFacts[] = {
    {"hardware_queues", "hardware queues", Unit::kNone,
     [](const DeviceSeries& d) { return std::optional(static_cast<double>(d.disk.queues.size())); }},
    {"interrupts_per_second", "interrupts/s", Unit::kPerSecond,
     [](const DeviceSeries& d) { return per(sum(d.interrupts), d.totals.seconds); }},
    {"irq_effective_cpus", "vCPUs with interrupts", Unit::kNone,
     [](const DeviceSeries& d) { return effective_number(d.interrupts); }},
    {"submission_effective_cpus", "vCPUs that submit", Unit::kNone,
     [](const DeviceSeries& d) { return effective_number(d.submissions); }},
    {"completions_per_interrupt", "requests per interrupt", Unit::kNone,
     [](const DeviceSeries& d) { return per(static_cast<double>(d.totals.requests()), sum(d.interrupts)); }},
    {"cross_cpu_completions_share", "cross-vCPU completions", Unit::kShare,
     [](const DeviceSeries& d) { return per(static_cast<double>(d.cross), static_cast<double>(d.local + d.cross)); }},
    {"notifications_per_request", "notifications/request", Unit::kNone,
     [](const DeviceSeries& d) {
       return d.notifications ? per(static_cast<double>(*d.notifications), static_cast<double>(d.totals.requests()))
                              : std::nullopt;
     }},
    {"queue_full_share", "time with no tag free", Unit::kShare, [](const DeviceSeries& d) { return d.full_share; }},
};

std::vector<std::optional<double>> interrupt_rates(const DeviceSeries& device, const Topology& topology) {
  std::vector<std::optional<double>> rates;
  for (std::size_t cpu = 0; cpu < device.interrupts.size(); ++cpu) {
    const bool online =
        std::find(topology.online_cpus.begin(), topology.online_cpus.end(), cpu) != topology.online_cpus.end();
    const bool exists = online || device.interrupts[cpu] > 0;
    rates.push_back(exists && device.totals.seconds > 0
                        ? std::optional(static_cast<double>(device.interrupts[cpu]) / device.totals.seconds)
                        : std::nullopt);
  }
  return rates;
}

bool is_major(const Totals& totals, std::size_t op) {
  return totals.ops[op].requests > 0 && totals.ops[op].requests * 100 >= totals.requests();
}

// The numbers of what counts of both, and the verdict on them.
DeviceReport judge_devices(const Pair& pair, double min_effect) {
  DeviceReport report{pair.before.disk.name, pair.after.disk.name, judge(pair, min_effect), {}, {}, {}, {}, {}};
  if (pair.ratio(kMeanLatency)) report.time = time_change(pair, report.judgement.by_median);
  // What nothing was seen of is not said of its parts.
  const Verdict verdict = report.judgement.verdict;
  if (verdict == Verdict::kNoDifference || verdict == Verdict::kNotComparable) report.time.sentence.clear();
  for (const RowKind& kind : kDeviceRows)
    report.rows.push_back(make_row(pair, kind, kind.number, min_effect, report.judgement));
  const Totals &before = pair.before.totals, &after = pair.after.totals;
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    if (before.ops[op].requests + after.ops[op].requests == 0) continue;
    OperationReport& operation = report.operations.emplace_back();
    operation.name = kOperationNames[op];
    operation.major = is_major(before, op) || is_major(after, op);
    for (const RowKind& kind : kOpRows) {
      Row row = make_row(pair, kind, op_number(op, static_cast<OpNumber>(kind.number)), min_effect, report.judgement);
      if (kind.quantile > 0) drop_unsupported(kind, before.ops[op], after.ops[op], row);
      operation.rows.push_back(std::move(row));
    }
  }
  return report;
}

DeviceReport compare_devices(const DeviceSeries& before, const Series& side_before, const DeviceSeries& after,
                             const Series& side_after, double min_effect) {
  const Estimates before_numbers = estimates_of(before.seconds), after_numbers = estimates_of(after.seconds);
  const Pair whole{before, after, before_numbers, after_numbers};
  const WithoutBursts rest = without_bursts(whole, side_before.file, side_after.file);
  DeviceReport report =
      rest.before || rest.after
          ? [&] {
              const DeviceSeries &a = rest.before ? *rest.before : before, &b = rest.after ? *rest.after : after;
              const Estimates a_numbers = estimates_of(a.seconds), b_numbers = estimates_of(b.seconds);
              return judge_devices(Pair{a, b, a_numbers, b_numbers}, min_effect);
            }()
          : judge_devices(whole, min_effect);
  std::vector<std::string>& notes = report.judgement.notes;
  for (const std::vector<std::string>* more : {&rest.notes, &before.notes, &after.notes})
    notes.insert(notes.end(), more->begin(), more->end());
  for (const Fact& fact : kFacts)
    report.rows.push_back({fact.key, fact.label, fact.unit, fact.of(before), fact.of(after), {}, ""});
  report.interrupts_before = interrupt_rates(before, side_before.topology);
  report.interrupts_after = interrupt_rates(after, side_after.topology);
  return report;
}

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
  return per(static_cast<double>(part(cpu)), static_cast<double>(all));
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
    comparison.notes.insert(comparison.notes.end(), side->notes.begin(), side->notes.end());
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
