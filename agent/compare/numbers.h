// SPDX-License-Identifier: Apache-2.0
// The numbers of a disk that are compared, and where they stand in Numbers.
#pragma once

#include <cstddef>

#include "agent/compare/statistics.h"

namespace vqscope {

// Of all operations together.
enum DeviceNumber : std::size_t {
  kRate,         // requests per second
  kThroughput,   // bytes per second
  kMeanLatency,  // seconds from start to completion
  kAvgquSz,      // requests between start and completion, on average
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

Numbers numbers_of(const Totals& totals);

}  // namespace vqscope
