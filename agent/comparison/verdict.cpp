// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "agent/comparison/units.h"
#include "agent/model/operations.h"
#include "agent/model/supported_quantile.h"

namespace vqscope {

namespace {

// A disk with fewer requests is idle.
constexpr std::uint64_t kFewestRequests = 100;
// Few seconds do not show how much they depend on one another, so a change has to be so many times as large.
constexpr double kBriefFactor = 4;
// Recordings in which not even half as much latency again would be seen say nothing.
constexpr double kTooNoisy = 1.5;
// One that hides a change by less says little.
constexpr double kNoisy = 1.25;

// The time with requests. One reading counts as a second at the most, however long it took: it is one value.
double busy_seconds(const DeviceSeries& device) {
  // A burst is left out of the numbers, and yet the recording is as long as it is.
  double readings = device.left_out_seconds, seconds = device.left_out_seconds;
  for (const Second& second : device.seconds) {
    if (std::none_of(second.ops.begin(), second.ops.end(), [](const auto& op) { return static_cast<bool>(op); }))
      continue;
    ++readings;
    seconds += second.seconds;
  }
  return std::min(readings, seconds);
}

// A reading is taken a little less or more than a second after the one before it.
std::size_t fewest_busy_seconds(const Pair& pair) {
  return static_cast<std::size_t>(std::llround(std::min(busy_seconds(pair.before), busy_seconds(pair.after))));
}

// "21 s", "2.40 ms"
std::string format_length(double seconds) {
  return seconds < 1 ? format_seconds(seconds) : fmt::format("{:.0f} s", seconds);
}

// Few requests, and not only because there was hardly time for one.
bool is_idle(const DeviceSeries& device) {
  const std::uint64_t requests = device.totals.requests();
  return requests < kFewestRequests && static_cast<double>(requests) * static_cast<double>(kFewestSeconds) <=
                                           static_cast<double>(kFewestRequests) * device.totals.seconds;
}

Judgement not_comparable(std::string reason, bool idle = false) {
  return {Verdict::kNotComparable, std::move(reason), {}, idle};
}

// How much a number has to say. One of less weight does not decide against one of more.
enum class Weight { kTail, kMedian, kMean };

// A number that may decide.
struct Criterion {
  std::string name;  // "mean latency"
  std::size_t number;
  std::string (*format)(double);
  bool more_is_better;
  double threshold;  // of the logarithm
  Weight weight;
};

// "mean latency in the median second": there is another of the whole recording. Of percentiles there is not.
std::string full_name(const Criterion& criterion) {
  return criterion.weight == Weight::kTail ? criterion.name
                                           : fmt::format("{} {}", criterion.name, scope_of(criterion.number));
}

std::string describe(const Pair& pair, const Criterion& criterion, const Ratio& ratio) {
  return fmt::format("{} {} -> {} ({})", full_name(criterion),
                     criterion.format(*pair.before_numbers[criterion.number].value),
                     criterion.format(*pair.after_numbers[criterion.number].value), format_percent(ratio.value));
}

const Criterion kRateCriterion = {"requests/s", kRate, format_count, true, 0, Weight::kMean};
const Criterion kLatencyCriterion = {"mean latency", kMeanLatency, format_seconds, false, 0, Weight::kMean};
const Criterion kMedianRateCriterion = {"requests/s", kMedianRate, format_count, true, 0, Weight::kMedian};
const Criterion kMedianLatencyCriterion = {"mean latency", kMedianLatency, format_seconds, false, 0, Weight::kMedian};

// "mean latency of all seconds compared 1.20 ms -> 0.90 ms (-25.0 %; 95 % interval -40..-10 %)"
std::string describe_with_interval(const Pair& pair, const Criterion& criterion) {
  const auto ratio = pair.ratio(criterion.number);
  if (!ratio) return fmt::format("{} was not measured", full_name(criterion));
  std::string text = describe(pair, criterion, *ratio);
  text.pop_back();
  if (ratio->tells_nothing()) return text + ", which tells nothing: half and twice as much are within its error)";
  return fmt::format("{}; {:.0f} % interval {})", text, kConfidence * 100, format_interval(ratio->low, ratio->high));
}

// Why there is nothing to compare; nullopt if there is.
std::optional<Judgement> unusable(const Pair& pair) {
  for (const DeviceSeries* side : {&pair.before, &pair.after})
    if (!side->traced)
      return not_comparable(fmt::format("requests were not traced {}: the block probe was off",
                                        side == &pair.before ? "before" : "after"));
  const bool idle_before = is_idle(pair.before), idle_after = is_idle(pair.after);
  if (idle_before && idle_after) return not_comparable("the disk was idle before and after", true);
  if (idle_before || idle_after)
    return not_comparable(fmt::format("the load differs: the disk was idle {}", idle_before ? "before" : "after"));
  for (const std::size_t number : {kRate, kMeanLatency, kAvgquSz})
    if (!pair.ratio(number)) return not_comparable("latencies were not measured");
  return std::nullopt;
}

// What can be said of recordings that are too short for a verdict.
Judgement too_short(const Pair& pair) {
  return not_comparable(
      fmt::format("too short: {} with requests before and {} after; record {} s or more, and a minute where it is "
                  "noisy. What was seen: {}, {}",
                  format_length(busy_seconds(pair.before)), format_length(busy_seconds(pair.after)), kEnoughSeconds,
                  describe_with_interval(pair, kRateCriterion), describe_with_interval(pair, kLatencyCriterion)));
}

std::vector<Criterion> criteria_for(const Pair& pair, const LoadMatch& load, double min_effect, bool brief) {
  std::vector<Criterion> criteria;
  const double factor = brief ? kBriefFactor : 1;
  const double average = factor * std::log1p(min_effect), tail = factor * std::log1p(2 * min_effect);
  const auto add = [&](Criterion criterion, double threshold) {
    criterion.threshold = threshold;
    criteria.push_back(std::move(criterion));
  };
  const bool medians = amounts_of(pair).rate == kMedianRate;
  if (load.rate_counts && medians) add(kMedianRateCriterion, average);
  if (load.rate_counts) add(kRateCriterion, average);
  if (!load.latency_counts) return criteria;
  if (medians) add(kMedianLatencyCriterion, average + load.allowance);
  add(kLatencyCriterion, average + load.allowance);
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    const Totals::Op &before = pair.before.totals.ops[op], &after = pair.after.totals.ops[op];
    if (!is_supported(std::min(before.requests, after.requests), 0.99) || share(pair.before.totals, op) < kMajorShare)
      continue;
    criteria.push_back({fmt::format("p99 of {}s", kOperationNames[op]), op_number(op, kTail), format_seconds, false,
                        tail + load.allowance, Weight::kTail});
  }
  return criteria;
}

std::string join(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) text += (text.empty() ? "" : ", ") + sentence;
  return text;
}

bool is_good(const Criterion& criterion, const Ratio& ratio) { return (ratio.value > 1) == criterion.more_is_better; }

// What changed for certain and by enough.
struct Scales {
  std::vector<std::string> better, worse;            // of averages and medians
  std::vector<std::string> tail_better, tail_worse;  // of p99
  Weight weight = Weight::kTail;                     // of the heaviest of them
  bool by_median = false;                            // some are of the median second

  [[nodiscard]] bool averages() const { return !better.empty() || !worse.empty(); }
  [[nodiscard]] bool mixed() const {
    return averages() ? !better.empty() && !worse.empty() : !tail_better.empty() && !tail_worse.empty();
  }
  [[nodiscard]] bool even() const { return !averages() && tail_better.empty() && tail_worse.empty(); }
  // If they are not mixed.
  [[nodiscard]] bool good() const { return averages() ? !better.empty() : !tail_better.empty(); }
};

Scales weigh(const Pair& pair, const std::vector<Criterion>& criteria) {
  Scales scales;
  std::vector<std::pair<bool, bool>> told;  // medians: rate or latency, better or worse
  for (const Criterion& criterion : criteria) {
    const auto ratio = pair.ratio(criterion.number);
    if (!ratio || !ratio->certain() || magnitude(*ratio) < criterion.threshold) continue;
    const bool good = is_good(criterion, *ratio);
    scales.weight = std::max(scales.weight, criterion.weight);
    const std::pair key(criterion.more_is_better, good);
    // The whole recording says the same again.
    if (criterion.weight == Weight::kMean && std::find(told.begin(), told.end(), key) != told.end()) continue;
    if (criterion.weight == Weight::kMedian) told.push_back(key);
    scales.by_median = !told.empty();
    auto& list = criterion.weight == Weight::kTail ? (good ? scales.tail_better : scales.tail_worse)
                                                   : (good ? scales.better : scales.worse);
    list.push_back(describe(pair, criterion, *ratio));
  }
  return scales;
}

// Whether something heavier than all that changed for certain seems to have gone the other way.
bool is_contradicted(const Pair& pair, const std::vector<Criterion>& criteria, const Scales& scales) {
  return !scales.even() && !scales.mixed() &&
         std::any_of(criteria.begin(), criteria.end(), [&](const Criterion& criterion) {
           const auto ratio = pair.ratio(criterion.number);
           return criterion.weight > scales.weight && ratio && magnitude(*ratio) > criterion.threshold &&
                  is_good(criterion, *ratio) != scales.good();
         });
}

Judgement decide(const Scales& scales) {
  const bool good = scales.good();
  std::vector<std::string> reasons = good ? scales.better : scales.worse;
  const std::vector<std::string>& with = good ? scales.tail_better : scales.tail_worse;
  const std::vector<std::string>& against = good ? scales.tail_worse : scales.tail_better;
  reasons.insert(reasons.end(), with.begin(), with.end());
  Judgement judgement = {good ? Verdict::kBetter : Verdict::kWorse, join(reasons), {}};
  if (!against.empty()) judgement.notes.push_back("on the other hand: " + join(against));
  return judgement;
}

std::string join_all(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> all = a;
  all.insert(all.end(), b.begin(), b.end());
  return join(all);
}

Judgement both_ways(const Scales& scales) {
  return {Verdict::kMixed,
          "some numbers are better (" + join_all(scales.better, scales.tail_better) + "), and some worse (" +
              join_all(scales.worse, scales.tail_worse) + ")",
          {}};
}

double noise_of(const Ratio& ratio) { return std::log(ratio.high / ratio.low) / 2; }

// Nothing changed for certain and by enough: says what would have been seen.
Judgement nothing_seen(const Pair& pair, const Criterion& criterion) {
  const auto ratio = pair.ratio(criterion.number);
  const double half = noise_of(*ratio);
  // Half the interval is missed half of the time; half as much again, once in ten.
  const double visible = std::max(half, criterion.threshold) + half / 2;
  if (visible > std::log(kTooNoisy) && half > criterion.threshold)
    return not_comparable(fmt::format("the recordings are too noisy to tell: {}; {}",
                                      describe_with_interval(pair, criterion), better_recordings(pair)));
  Judgement judgement;
  judgement.verdict = Verdict::kNoDifference;
  if (ratio->certain())
    judgement.reason = fmt::format("{}: certain, but a change below {:.0f} % does not count here",
                                   describe(pair, criterion, *ratio), std::expm1(criterion.threshold) * 100);
  else
    judgement.reason =
        fmt::format("{}, which is not certain; a rise by {:.0f} % or a fall by {:.0f} % would have been seen",
                    describe(pair, criterion, *ratio), std::ceil(std::expm1(visible) * 100),
                    std::ceil(-std::expm1(-visible) * 100));
  if (visible > std::log(kNoisy))
    judgement.notes.emplace_back(
        "the seconds differ so much from one another that a smaller change cannot be seen: record longer, or while "
        "nothing else loads the disk and the vCPUs");
  return judgement;
}

Judgement judge_amounts(const Pair& pair, const LoadMatch& load, double min_effect) {
  const bool brief = fewest_busy_seconds(pair) < kEnoughSeconds;
  const std::vector<Criterion> criteria = criteria_for(pair, load, min_effect, brief);
  const Scales scales = weigh(pair, criteria);
  const bool contradicted = is_contradicted(pair, criteria, scales);
  if (brief && (scales.even() || scales.mixed() || contradicted)) return too_short(pair);
  if (scales.even() || contradicted) {
    const auto noise = [&](const Criterion& criterion) {
      return criterion.weight == Weight::kTail ? std::numeric_limits<double>::infinity()
                                               : noise_of(*pair.ratio(criterion.number));
    };
    const auto average = std::min_element(criteria.begin(), criteria.end(),
                                          [&](const Criterion& a, const Criterion& b) { return noise(a) < noise(b); });
    Judgement judgement = nothing_seen(pair, *average);
    if (contradicted)
      judgement.notes.push_back(
          "certain, though the averages seem to have gone the other way: " +
          (scales.good() ? join_all(scales.better, scales.tail_better) : join_all(scales.worse, scales.tail_worse)));
    return judgement;
  }
  Judgement judgement = scales.mixed() ? both_ways(scales) : decide(scales);
  judgement.by_median = scales.by_median;
  return judgement;
}

// Of a disk that is better though no more requests were done; empty: there were more, or their rate is their own.
std::string told_rate(const Pair& pair, double min_effect) {
  const LoadKind before = kind_of(pair.before), after = kind_of(pair.after);
  const Criterion& criterion = amounts_of(pair).rate == kMedianRate ? kMedianRateCriterion : kRateCriterion;
  const Ratio ratio = *pair.ratio(criterion.number);
  if (ratio.value >= 1 + min_effect || (before == LoadKind::kOpen && after == LoadKind::kOpen)) return {};
  const bool closed = before == LoadKind::kClosed && after == LoadKind::kClosed;
  return fmt::format(
      "{} did not rise with it: each request took less time, and no more of them were done in a second{}",
      describe(pair, criterion, ratio),
      closed ? "; as many circulate, so what is saved goes by between one request and the next, where "
               "nothing is measured"
             : "");
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBetter: return "better";
    case Verdict::kWorse: return "worse";
    case Verdict::kMixed: return "mixed";
    case Verdict::kNoDifference: return "no difference";
    case Verdict::kNotComparable: break;
  }
  return "not comparable";
}

Judgement judge(const Pair& pair, double min_effect) {
  if (auto judgement = unusable(pair)) return *judgement;
  if (fewest_busy_seconds(pair) < kFewestSeconds) return too_short(pair);
  LoadMatch load = match_loads(pair);
  if (!load.difference.empty())
    return not_comparable((load.differs ? "the load differs: " : "the load may be another one: ") + load.difference);
  Judgement judgement = judge_amounts(pair, load, min_effect);
  if (load.allowance > 0 && judgement.verdict == Verdict::kNoDifference)
    judgement.notes.push_back(
        fmt::format("the load changed a little, too, which explains {:.0f} % of a change of latency",
                    std::expm1(load.allowance) * 100));
  if (judgement.verdict == Verdict::kBetter)
    if (std::string told = told_rate(pair, min_effect); !told.empty()) judgement.notes.push_back(std::move(told));
  if (!load.latency_counts)
    judgement.notes.emplace_back("requests had to wait for a tag, where nothing sees them, so latency is not compared");
  judgement.load = std::move(load);
  return judgement;
}

}  // namespace vqscope
