// SPDX-License-Identifier: Apache-2.0
#include "agent/compare/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "agent/compare/units.h"
#include "agent/model/operations.h"

namespace vqscope {

namespace {

// A disk with fewer requests is idle.
constexpr std::uint64_t kFewestRequests = 100;
// A p99 needs ten requests above it.
constexpr std::uint64_t kFewestForTail = 1000;
// An operation with a smaller share of the requests does not decide anything.
constexpr double kMajorShare = 0.05;

// Loads differ when more than these changed.
constexpr double kLoadTolerance = 1.10;            // ratio of requests in flight, or of their rate
constexpr double kSizeTolerance = 1.10;            // ratio of bytes per request
constexpr double kMixTolerance = 0.10;             // share of requests that are of another operation
constexpr double kAloneCpus = 1.1, kManyCpus = 2;  // effective number of submitting vCPUs: one, several

// A load that grew a little and yet is served so much faster is served better.
constexpr double kModestLoad = 1.5, kClearEffect = 1.25;
// How much faster than the rate latency rises in a queue that is 80 % busy: rho / (1 - rho).
constexpr double kQueueingElasticity = 4;
constexpr double kNoisy = 1.25;  // an interval so wide hides what one would like to know
constexpr double kMostlyFull = 0.5;
constexpr double kClosedBelow = 0.5;  // scatter of concurrency against that of latency: 0 closed, 1 open

double magnitude(const Ratio& ratio) { return std::abs(std::log(ratio.value)); }

bool differs(const Ratio& ratio, double tolerance) { return ratio.certain() && magnitude(ratio) > std::log(tolerance); }

double share(const Totals& totals, std::size_t op) {
  return static_cast<double>(totals.ops[op].requests) / static_cast<double>(totals.requests());
}

std::size_t busy_seconds(const DeviceSeries& device) {
  return static_cast<std::size_t>(std::count_if(device.seconds.begin(), device.seconds.end(), [](const Second& second) {
    return std::any_of(second.ops.begin(), second.ops.end(), [](const auto& op) { return static_cast<bool>(op); });
  }));
}

// Within single seconds, on average: a thread that moves about is still one.
double submitting_cpus(const DeviceSeries& device) {
  double sum = 0, seconds = 0;
  for (const Second& second : device.seconds) {
    if (second.submission_cpus == 0) continue;
    sum += second.submission_cpus * second.seconds;
    seconds += second.seconds;
  }
  return seconds > 0 ? sum / seconds : 0;
}

std::string change(const Pair& pair, std::size_t number, std::string (*format)(double)) {
  return fmt::format("{} before, {} after", format(*pair.before_numbers.numbers[number].value),
                     format(*pair.after_numbers.numbers[number].value));
}

// Why there is nothing to compare; empty if there is.
std::optional<Judgement> unusable(const Pair& pair) {
  const auto not_comparable = [](std::string reason, bool idle = false) {
    return Judgement{Verdict::kNotComparable, std::move(reason), {}, idle};
  };
  for (const DeviceSeries* side : {&pair.before, &pair.after})
    if (!side->traced)
      return not_comparable(fmt::format("requests were not traced {}: the block probe was off",
                                        side == &pair.before ? "before" : "after"));
  const bool idle_before = pair.before.totals.requests() < kFewestRequests;
  const bool idle_after = pair.after.totals.requests() < kFewestRequests;
  if (idle_before && idle_after) return not_comparable("the disk was idle before and after", true);
  if (idle_before || idle_after)
    return not_comparable(fmt::format("the load differs: the disk was idle {}", idle_before ? "before" : "after"));
  const std::size_t before = busy_seconds(pair.before), after = busy_seconds(pair.after);
  if (std::min(before, after) < kFewestSeconds)
    return not_comparable(fmt::format("too short: {} s with requests before and {} s after; at least {} s are needed",
                                      before, after, kFewestSeconds));
  return std::nullopt;
}

// What the load is made of, but for how much of it there is.
std::optional<std::string> other_requests(const Pair& pair) {
  double moved = 0;
  for (std::size_t op = 0; op < VQS_OPS; ++op)
    moved += std::abs(share(pair.before.totals, op) - share(pair.after.totals, op)) / 2;
  if (moved > kMixTolerance) {
    std::string mix;
    for (std::size_t op = 0; op < VQS_OPS; ++op) {
      const double before = share(pair.before.totals, op), after = share(pair.after.totals, op);
      if (std::max(before, after) < kMajorShare) continue;
      mix += fmt::format("{}{:.0f} % {}s before, {:.0f} % after", mix.empty() ? "" : "; ", before * 100,
                         kOperationNames[op], after * 100);
    }
    return mix;
  }
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    if (share(pair.before.totals, op) < kMajorShare) continue;
    const auto size = pair.ratio(op_number(op, kOpSize));
    if (size && magnitude(*size) > std::log(kSizeTolerance))
      return fmt::format("{}s of {}", kOperationNames[op], change(pair, op_number(op, kOpSize), format_bytes));
  }
  if (pair.before.online_cpus != pair.after.online_cpus) return std::nullopt;  // no wonder, then
  const double before = submitting_cpus(pair.before), after = submitting_cpus(pair.after);
  if (std::min(before, after) <= kAloneCpus && std::max(before, after) >= kManyCpus)
    return fmt::format("requests came from {:.1f} vCPUs before, {:.1f} after", before, after);
  return std::nullopt;
}

// What is known of how much load there was.
struct Amount {
  bool comparable = false;
  bool throughput_only = false;  // the queue was full: who waited for a tag was not seen
  bool rate_counts = false;      // the rate is an achievement of the disk, and not the load's own
  double allowance = 0;          // change of the logarithm of latency that the difference in load explains
  std::string difference;        // if not comparable
};

// How much more latency, as a logarithm, a load explains that changed within its tolerance.
double explained(const Ratio& load, const Ratio& latency, double elasticity) {
  const bool same_way = (load.value > 1) == (latency.value > 1);
  return load.certain() && same_way ? elasticity * magnitude(load) : 0;
}

Amount compare_amount(const Pair& pair, const Ratio& rate, const Ratio& concurrency, const Ratio& latency) {
  Amount amount;
  // As many in flight on both sides to within the tolerance for certain: no chance, whatever the seconds look like.
  const bool pinned = concurrency.high < kLoadTolerance && concurrency.low > 1 / kLoadTolerance;
  const bool closed = pinned || (kind_of(pair.before) == LoadKind::kClosed && kind_of(pair.after) == LoadKind::kClosed);
  const Ratio& load = closed ? concurrency : rate;
  amount.rate_counts = closed;
  if (!differs(load, kLoadTolerance)) {
    amount.comparable = true;
    amount.allowance = explained(load, latency, closed ? 1 : kQueueingElasticity);
    return amount;
  }
  // With all tags in use the load was at least what the disk could take, and nobody knows how much more.
  const auto& censored = concurrency.value > 1 ? pair.before.full_share : pair.after.full_share;
  if (censored.value_or(0) >= kMostlyFull) {
    amount.comparable = amount.throughput_only = amount.rate_counts = true;
    return amount;
  }
  // Of an open load, far more requests are another load, and may well be served faster: nothing falls asleep in
  // between.
  const bool near = closed || magnitude(rate) <= std::log(kModestLoad);
  const bool opposite = differs(concurrency, kLoadTolerance) && differs(rate, kLoadTolerance) &&
                        (concurrency.value > 1) != (rate.value > 1);
  const bool served_faster = rate.value > 1 && latency.value < 1 / kClearEffect;
  const bool served_slower = rate.value < 1 && latency.value > kClearEffect;
  const bool modest = magnitude(concurrency) <= std::log(kModestLoad) && latency.certain();
  if (near && (opposite || (modest && (served_faster || served_slower)))) {
    amount.comparable = true;
    return amount;
  }
  amount.difference = closed ? "requests in flight on average: " + change(pair, kAvgquSz, format_count)
                             : "requests per second: " + change(pair, kRate, format_count);
  return amount;
}

// A number that may decide.
struct Criterion {
  std::string name;  // "mean latency"
  std::size_t number;
  std::string (*format)(double);
  bool more_is_better;
  double threshold;  // of the logarithm
  bool tail;
};

std::string describe(const Pair& pair, const Criterion& criterion, const Ratio& ratio) {
  return fmt::format(
      "{} {} -> {} ({})", criterion.name, criterion.format(*pair.before_numbers.numbers[criterion.number].value),
      criterion.format(*pair.after_numbers.numbers[criterion.number].value), format_percent(ratio.value));
}

std::vector<Criterion> criteria_for(const Pair& pair, const Amount& amount, double min_effect) {
  std::vector<Criterion> criteria;
  const double average = std::log1p(min_effect), tail = std::log1p(2 * min_effect);
  if (amount.rate_counts) criteria.push_back({"requests/s", kRate, format_count, true, average, false});
  if (amount.throughput_only) return criteria;
  criteria.push_back({"mean latency", kMeanLatency, format_seconds, false, average + amount.allowance, false});
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    const Totals::Op &before = pair.before.totals.ops[op], &after = pair.after.totals.ops[op];
    if (std::min(before.requests, after.requests) < kFewestForTail || share(pair.before.totals, op) < kMajorShare)
      continue;
    criteria.push_back({fmt::format("p99 of {}s", kOperationNames[op]), op_number(op, kTail), format_seconds, false,
                        tail + amount.allowance, true});
  }
  return criteria;
}

std::string join(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) text += (text.empty() ? "" : ", ") + sentence;
  return text;
}

Judgement weigh(const Pair& pair, const Amount& amount, double min_effect) {
  std::vector<std::string> better, worse, tail_better, tail_worse;
  for (const Criterion& criterion : criteria_for(pair, amount, min_effect)) {
    const auto ratio = pair.ratio(criterion.number);
    if (!ratio || !ratio->certain() || magnitude(*ratio) < criterion.threshold) continue;
    const bool good = (ratio->value > 1) == criterion.more_is_better;
    auto& list = criterion.tail ? (good ? tail_better : tail_worse) : (good ? better : worse);
    list.push_back(describe(pair, criterion, *ratio));
  }
  Judgement judgement;
  if (amount.throughput_only)
    judgement.notes.emplace_back(
        "all tags of the disk were in use: requests that waited for one were not seen, so "
        "latency is not compared");
  const auto decide = [&](Verdict verdict, std::vector<std::string> reasons, const std::vector<std::string>& with,
                          const std::vector<std::string>& against) {
    reasons.insert(reasons.end(), with.begin(), with.end());
    judgement.verdict = verdict;
    judgement.reason = join(reasons);
    if (!against.empty()) judgement.notes.push_back("on the other hand: " + join(against));
    return judgement;
  };
  if (!better.empty() && worse.empty()) return decide(Verdict::kBetter, better, tail_better, tail_worse);
  if (!worse.empty() && better.empty()) return decide(Verdict::kWorse, worse, tail_worse, tail_better);
  if (better.empty() && worse.empty()) {
    if (!tail_better.empty() && tail_worse.empty()) return decide(Verdict::kBetter, tail_better, {}, {});
    if (!tail_worse.empty() && tail_better.empty()) return decide(Verdict::kWorse, tail_worse, {}, {});
  }
  judgement.verdict = Verdict::kNoDifference;
  const Criterion average = amount.throughput_only
                                ? Criterion{"requests/s", kRate, format_count, true, 0, false}
                                : Criterion{"mean latency", kMeanLatency, format_seconds, false, 0, false};
  const auto ratio = pair.ratio(average.number);
  if (better.empty() && worse.empty() && tail_better.empty() && ratio) {
    const double noise = std::log(ratio->high / ratio->low) / 2;
    judgement.reason =
        fmt::format("{}; a change by more than {:.0f} % would have been seen", describe(pair, average, *ratio),
                    std::expm1(std::max(noise, std::log1p(min_effect))) * 100);
    if (noise > std::log(kNoisy))
      judgement.notes.emplace_back(
          "the seconds differ so much from one another that a smaller change cannot be seen: "
          "record longer, or while nothing else loads the disk and the vCPUs");
    return judgement;
  }
  better.insert(better.end(), tail_better.begin(), tail_better.end());
  worse.insert(worse.end(), tail_worse.begin(), tail_worse.end());
  judgement.reason = "some numbers are better (" + join(better) + "), and some worse (" + join(worse) + ")";
  return judgement;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBetter: return "better";
    case Verdict::kWorse: return "worse";
    case Verdict::kNoDifference: return "no difference";
    case Verdict::kNotComparable: break;
  }
  return "not comparable";
}

std::optional<Ratio> Pair::ratio(std::size_t number) const {
  return compare(before_numbers.numbers[number], before_numbers.degrees_of_freedom, after_numbers.numbers[number],
                 after_numbers.degrees_of_freedom);
}

LoadKind kind_of(const DeviceSeries& device) {
  std::vector<double> latency, concurrency;
  for (const Second& second : device.seconds) {
    double time = 0, requests = 0;
    for (const Boxed<OpSecond>& op : second.ops) {
      if (!op) continue;
      time += static_cast<double>(op->device.sum_ns + op->queue.sum_ns);
      requests += static_cast<double>(op->requests);
    }
    if (time == 0 || second.queued_seconds == 0) continue;
    latency.push_back(std::log(time / requests));
    concurrency.push_back(std::log(second.queued_seconds / second.seconds));
  }
  return deviation(concurrency) < kClosedBelow * deviation(latency) ? LoadKind::kClosed : LoadKind::kOpen;
}

Judgement judge(const Pair& pair, double min_effect) {
  if (auto judgement = unusable(pair)) return *judgement;
  if (const auto other = other_requests(pair)) return {Verdict::kNotComparable, "the load differs: " + *other, {}};
  const auto rate = pair.ratio(kRate), concurrency = pair.ratio(kAvgquSz), latency = pair.ratio(kMeanLatency);
  if (!rate || !concurrency || !latency) return {Verdict::kNotComparable, "latencies were not measured", {}};
  const Amount amount = compare_amount(pair, *rate, *concurrency, *latency);
  if (!amount.comparable) return {Verdict::kNotComparable, "the load differs: " + amount.difference, {}};
  return weigh(pair, amount, min_effect);
}

}  // namespace vqscope
