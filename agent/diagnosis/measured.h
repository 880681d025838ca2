// SPDX-License-Identifier: Apache-2.0
// What happened on one disk during a window, in the numbers that findings argue with. Pure and thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/diagnosis/cpu_time.h"
#include "agent/model/plateau.h"
#include "agent/model/queue_cost.h"
#include "agent/model/queue_plateau.h"
#include "agent/model/request_time.h"
#include "agent/model/snapshot.h"
#include "agent/topology/topology.h"

namespace vqscope {

// One hardware queue.
struct QueueLoad {
  std::vector<std::uint64_t> submissions;  // completed requests by the CPU that submitted them
  std::vector<std::uint64_t> interrupts;   // of the lines that serve only this queue, by the CPU that took them
  double average_inflight = 0;             // exact, from the time integral
  std::optional<double> full_share;  // share of the time at the limit of requests, 0 to 1; absent: limit not known
};

// Requests of one operation, over all queues.
struct OpLoad {
  Histogram device, queue;  // as OpCounters
  std::uint64_t bytes = 0;
  std::uint64_t errors = 0;
};

struct Measured {
  double seconds = 0;           // length of the window
  bool has_requests = false;    // whether requests were seen at all (the block probe ran)
  double requests_rate = 0;     // completed requests per second, as `ops` has them
  double bytes_rate = 0;        // bytes per second
  double interrupted_rate = 0;  // of these, those that an interrupt ended, as far as that was seen
  double interrupts_rate = 0;   // per second
  double average_inflight = 0;  // over all queues
  std::uint64_t requeues = 0;
  std::uint32_t inflight = 0;                      // at the window's end
  std::optional<double> oldest_seconds;            // age of the oldest request then; absent: none in flight
  std::vector<std::uint64_t> submissions;          // by CPU
  std::vector<std::uint64_t> interrupts;           // by CPU
  std::optional<double> submission_cpus;           // effective number; absent without requests
  std::optional<double> interrupt_share;           // of the busiest CPU, 0 to 1; absent without interrupts
  std::optional<double> cross_share;               // of completions, 0 to 1; absent where interrupts are not traced
  std::array<OpLoad, VQS_OPS> ops;                 // by enum vqs_op_kind
  std::vector<QueueLoad> queues;                   // by hardware queue; empty without the block probe
  std::optional<QueueCost> cost;                   // absent where no interrupt was traced that ended a request
  std::optional<RequestTime> time;                 // absent without requests
  std::vector<LockCounters> locks;                 // what was waited for them; empty where that was not measured
  std::optional<Steadiness> steadiness;            // absent without a load in two seconds or more
  std::optional<MovedQueue> moved_queue;           // of several queues; absent: no sign that they share an end
  std::optional<double> notified_share;            // notifications per request; absent without the notify probe
  std::optional<std::uint64_t> shared_interrupts;  // on lines that serve several queues; absent: there are none
  std::optional<CpuShare> stolen;                  // the vCPU that the host took most from
  std::optional<CpuShare> busiest_used;            // of those that submit or are interrupted, the busiest
};

// `window` is the difference of two readings `seconds` apart, and so are `cpus`, by CPU number; `full_shares` those of
// FullTime, by hardware queue, and `slices` those of Course.
Measured measure(const DeviceSnapshot& window, const std::vector<CompletionCpu>& cpus, double seconds,
                 const std::vector<std::optional<double>>& full_shares, std::span<const LoadSlice> slices);

// Sums over the operations.
Histogram device_latency(const Measured& measured);
Histogram queue_latency(const Measured& measured);

}  // namespace vqscope
