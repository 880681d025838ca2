// SPDX-License-Identifier: Apache-2.0
// The numbers of a disk that are compared, and where they stand in Numbers.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "agent/comparison/series.h"
#include "agent/comparison/statistics.h"

namespace vqscope {

// Of all operations together.
enum DeviceNumber : std::size_t {
  kRate,         // requests per second
  kThroughput,   // bytes per second
  kMeanLatency,  // seconds from start to completion
  kAvgquSz,      // requests between start and completion, on average
  // The same three of the median second, which a burst of other work on the host does not move.
  kMedianRate,
  kMedianLatency,
  kMedianAvgquSz,
  // Of a request's mean latency, in seconds: what RequestTime says of each. kLockWaits is within the others.
  kBeforeIssue,
  kAtDevice,
  kAtHost,
  kCompletion,
  kCompletionLocal,
  kCompletionCross,
  kLockWaits,
  kDeviceNumbers,
};

// Of one operation, at op_number(op, ...).
enum OpNumber : std::size_t {
  kOpRate,
  kOpThroughput,
  kOpSize,     // bytes per request
  kDeviceP50,  // seconds
  kDeviceP95,
  kDeviceP99,
  kDeviceP999,
  kQueueP50,
  kQueueP95,
  kQueueP99,
  kQueueP999,
  kTail,  // p99 in the queue plus p99 at the device: no less than the p99 of both together would be, nearly always
  kOpNumbers,
};

constexpr std::size_t op_number(std::size_t op, OpNumber number) { return kDeviceNumbers + op * kOpNumbers + number; }

Numbers numbers_of(std::span<const Second> seconds);

// All of them with their errors. Of a part of a request's time that is nothing in some of those of the ten parts of a
// recording that have requests, the error is not known.
Estimates estimates_of(std::span<const Second> seconds);

// Those of the median second.
constexpr bool is_robust(std::size_t number) { return number >= kMedianRate && number <= kMedianAvgquSz; }

// One disk on both sides.
struct Pair {
  const DeviceSeries& before;
  const DeviceSeries& after;
  const Estimates& before_numbers;  // of numbers_of()
  const Estimates& after_numbers;

  [[nodiscard]] std::optional<Ratio> ratio(std::size_t number) const;
};

// Rate, latency and requests in flight, of the median second where all three have an interval there, and of the whole
// recording otherwise, as where most seconds are without a request.
struct Amounts {
  std::size_t rate, latency, in_flight;
};
Amounts amounts_of(const Pair& pair);

double magnitude(const Ratio& ratio);  // of its logarithm

// The share of an operation in all requests.
double share(const Totals& totals, std::size_t op);
// An operation with a smaller share of the requests does not decide anything.
inline constexpr double kMajorShare = 0.05;

// "in the median second", "of the whole recording": what a rate, a latency or a number in flight is of.
std::string_view scope_of(std::size_t number);

// Of recordings that cannot tell: how to make some that can, as an advice.
std::string better_recordings(const Pair& pair);

// "1.20 ms before, 0.90 ms after", of a number that both sides have.
std::string before_and_after(const Pair& pair, std::size_t number, std::string (*format)(double));

}  // namespace vqscope
