// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "agent/model/window.h"

namespace vqscope {

namespace {

struct Percentile {
  OpNumber device, queue;
  double share;
};

constexpr std::array<Percentile, 4> kPercentiles = {{{kDeviceP50, kQueueP50, 0.5},
                                                     {kDeviceP95, kQueueP95, 0.95},
                                                     {kDeviceP99, kQueueP99, 0.99},
                                                     {kDeviceP999, kQueueP999, 0.999}}};

void add_medians(std::span<const Second> seconds, Numbers& numbers) {
  std::vector<double> rates, latencies, in_flight;
  for (const Second& second : seconds) {
    double requests = 0, time_ns = 0;
    for (const Boxed<OpSecond>& op : second.ops) {
      if (!op) continue;
      requests += static_cast<double>(op->requests);
      time_ns += static_cast<double>(op->device.sum_ns + op->queue.sum_ns);
    }
    rates.push_back(requests / second.seconds);
    in_flight.push_back(second.queued_seconds / second.seconds);
    if (requests > 0) latencies.push_back(time_ns / 1e9 / requests);
  }
  numbers[kMedianRate] = median(std::move(rates));
  numbers[kMedianLatency] = median(std::move(latencies));
  numbers[kMedianAvgquSz] = median(std::move(in_flight));
}

struct PartOfTime {
  DeviceNumber number;
  std::optional<double> RequestTime::*part;
};

constexpr PartOfTime kPartsOfTime[] = {{kBeforeIssue, &RequestTime::before_issue},
                                       {kAtDevice, &RequestTime::at_device},
                                       {kAtHost, &RequestTime::at_host},
                                       {kCompletion, &RequestTime::completion},
                                       {kCompletionLocal, &RequestTime::completion_local},
                                       {kCompletionCross, &RequestTime::completion_cross},
                                       {kLockWaits, &RequestTime::lock_waits}};

// A part that was measured of fewer requests is that of others than those whose mean latency is told.
constexpr double kMeasuredShare = 0.9;

void add_parts_of_time(std::span<const Second> seconds, Numbers& numbers) {
  for (const auto& [number, part] : kPartsOfTime) {
    double requests = 0, measured = 0, sum = 0;
    for (const Second& second : seconds) {
      if (!second.time) continue;
      requests += static_cast<double>(second.time->requests);
      if (!((*second.time).*part)) continue;
      measured += static_cast<double>(second.time->requests);
      sum += *((*second.time).*part);
    }
    if (requests > 0 && measured >= kMeasuredShare * requests) numbers[number] = sum / measured;
  }
  if (!numbers[kAtDevice] || !numbers[kAtHost] || !numbers[kCompletion]) return;
  // Seconds without traced interrupts have a time at the device as well: it is in the proportions of the others, so
  // that what it is made of adds up to it.
  const double traced = *numbers[kAtHost] + *numbers[kCompletion];
  if (traced <= 0) return;
  for (const DeviceNumber number : {kAtHost, kCompletion, kCompletionLocal, kCompletionCross})
    if (numbers[number]) *numbers[number] *= *numbers[kAtDevice] / traced;
}

}  // namespace

Numbers numbers_of(std::span<const Second> seconds) {
  Totals totals;
  for (const Second& second : seconds) totals.add(second);
  Numbers numbers(op_number(VQS_OPS, OpNumber{}));
  if (totals.seconds <= 0) return numbers;
  add_medians(seconds, numbers);
  add_parts_of_time(seconds, numbers);
  double latency = 0;
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    const Totals::Op& total = totals.ops[op];
    if (total.requests == 0) continue;
    const auto requests = static_cast<double>(total.requests), bytes = static_cast<double>(total.bytes);
    latency += static_cast<double>(total.device.sum_ns + total.queue.sum_ns) / 1e9;
    numbers[op_number(op, kOpRate)] = requests / totals.seconds;
    numbers[op_number(op, kOpThroughput)] = bytes / totals.seconds;
    if (total.requests > total.errors)
      numbers[op_number(op, kOpSize)] = bytes / static_cast<double>(total.requests - total.errors);
    for (const Percentile& percentile : kPercentiles) {
      numbers[op_number(op, percentile.device)] = quantile(total.device, percentile.share);
      numbers[op_number(op, percentile.queue)] = quantile(total.queue, percentile.share);
    }
    numbers[op_number(op, kTail)] =
        numbers[op_number(op, kDeviceP99)].value_or(0) + numbers[op_number(op, kQueueP99)].value_or(0);
  }
  const auto requests = static_cast<double>(totals.requests());
  numbers[kRate] = requests / totals.seconds;
  numbers[kThroughput] = static_cast<double>(totals.bytes()) / totals.seconds;
  numbers[kAvgquSz] = totals.queued_seconds / totals.seconds;
  if (requests > 0) numbers[kMeanLatency] = latency / requests;
  return numbers;
}

Estimates estimates_of(std::span<const Second> seconds) {
  Estimates estimates = estimate(seconds, numbers_of, is_robust);
  // A tenth without requests has no time that could be nothing.
  const double with_requests = estimates[kMeanLatency].degrees_of_freedom;
  for (const auto& [number, part] : kPartsOfTime)
    if (estimates[number].degrees_of_freedom < with_requests) estimates[number].degrees_of_freedom = 0;
  return estimates;
}

std::optional<Ratio> Pair::ratio(std::size_t number) const {
  return compare(before_numbers[number], after_numbers[number]);
}

Amounts amounts_of(const Pair& pair) {
  for (const std::size_t number : {kMedianRate, kMedianLatency, kMedianAvgquSz})
    if (const auto ratio = pair.ratio(number); !ratio || ratio->low == 0) return {kRate, kMeanLatency, kAvgquSz};
  return {kMedianRate, kMedianLatency, kMedianAvgquSz};
}

double magnitude(const Ratio& ratio) { return std::abs(std::log(ratio.value)); }

double share(const Totals& totals, std::size_t op) {
  return static_cast<double>(totals.ops[op].requests) / static_cast<double>(totals.requests());
}

std::string_view scope_of(std::size_t number) {
  return is_robust(number) ? "in the median second" : "of all seconds compared";
}

std::string better_recordings(const Pair& pair) {
  constexpr double kLongEnough = 60;
  const bool brief = std::min(pair.before.totals.seconds, pair.after.totals.seconds) < kLongEnough - 1;
  return fmt::format("record {}, while the load is steady and nothing else uses the disk and the vCPUs",
                     brief ? "a minute or more of each side" : "longer");
}

std::string before_and_after(const Pair& pair, std::size_t number, std::string (*format)(double)) {
  return fmt::format("{} before, {} after", format(*pair.before_numbers[number].value),
                     format(*pair.after_numbers[number].value));
}

}  // namespace vqscope
