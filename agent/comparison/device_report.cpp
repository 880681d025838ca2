// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/device_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "agent/comparison/bursts.h"
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
  if (row.ratio ? row.ratio->tells_nothing() : row.from_nothing && !row.from_nothing->certain())
    row.cannot_tell =
        fmt::format("these recordings cannot tell whether it is more or less{}; {}",
                    row.ratio ? ": half and twice as much are within its error" : "", better_recordings(pair));
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
  row.cannot_tell.clear();
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

// A note where a row that is shown says so.
void explain_cannot_tell(const Pair& pair, DeviceReport& report) {
  const auto is_said = [](const std::vector<Row>& rows) {
    return std::any_of(rows.begin(), rows.end(), [](const Row& row) { return !row.cannot_tell.empty(); });
  };
  const bool said =
      is_said(report.rows) || std::any_of(report.operations.begin(), report.operations.end(),
                                          [&](const OperationReport& o) { return o.major && is_said(o.rows); });
  Judgement& judgement = report.judgement;
  if (!said || judgement.idle) return;
  const std::string advice = better_recordings(pair);
  const bool advised = judgement.reason.find(advice) != std::string::npos;
  judgement.notes.push_back(
      fmt::format("of a number with \"cannot tell\" these recordings leave open whether it is half or twice as much{}",
                  advised ? "" : "; to know, " + advice));
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
  explain_cannot_tell(pair, report);
  return report;
}

}  // namespace

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
  notes.insert(notes.begin(), rest.notes.begin(), rest.notes.end());
  for (const DeviceSeries* side : {&before, &after}) notes.insert(notes.end(), side->notes.begin(), side->notes.end());
  for (const Fact& fact : kFacts)
    report.rows.push_back({fact.key, fact.label, fact.unit, fact.of(before), fact.of(after), {}, ""});
  report.interrupts_before = interrupt_rates(before, side_before.topology);
  report.interrupts_after = interrupt_rates(after, side_after.topology);
  return report;
}

}  // namespace vqscope
