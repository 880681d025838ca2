// SPDX-License-Identifier: Apache-2.0
#include "loads.h"

#include <array>
#include <cmath>
#include <random>

#include "agent/model/buckets.h"

namespace vqscope::test {

namespace {

void count(double seconds, Histogram& histogram) {
  const auto ns = static_cast<std::uint64_t>(seconds * 1e9);
  histogram.add(cell_of(ns), 1);
  histogram.sum_ns += ns;
}

}  // namespace

DeviceSeries simulate(const LoadModel& model, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  DeviceSeries device;
  device.disk.name = "vda";
  device.disk.queues.resize(1);
  device.traced = true;
  double drift = model.drift * normal(random);
  for (unsigned i = 0; i < model.seconds; ++i) {
    drift =
        model.persistence * drift + std::sqrt(1 - model.persistence * model.persistence) * model.drift * normal(random);
    const bool in_burst = i + model.burst >= model.seconds;
    const double mean = model.latency * std::exp(drift) * (in_burst ? 3 : 1);
    // A closed load does as many requests as its concurrency allows.
    const double service = mean * (1 - kTailShare + kTailShare * model.tail);
    const double expected = model.closed ? model.concurrency / (service + model.think)
                                         : model.rate * std::exp(model.rate_noise * normal(random));
    const auto requests = static_cast<unsigned>(expected + uniform(random));
    std::array<Totals::Op, VQS_OPS> ops;
    Second second;
    second.seconds = 1;
    second.at = i + 1;
    second.submission_cpus = model.submission_cpus;
    for (unsigned r = 0; r < requests; ++r) {
      Totals::Op& op = ops[uniform(random) < model.reads ? VQS_READ : VQS_WRITE];
      double latency = mean * std::exp(model.scatter * normal(random) - model.scatter * model.scatter / 2);
      if (uniform(random) < kTailShare) latency *= model.tail;
      count(latency, op.device);
      count(1e-6, op.queue);
      ++op.requests;
      op.bytes += model.size;
      second.queued_seconds += latency + 1e-6;
    }
    second.in_flight = static_cast<std::uint32_t>(second.queued_seconds + uniform(random));
    if (model.closed)
      second.queued_seconds = (model.concurrency - expected * model.think) * (1 + 0.002 * normal(random));
    for (std::size_t op = 0; op < VQS_OPS; ++op)
      if (ops[op].requests > 0)
        second.ops[op] = OpSecond{SparseHistogram(ops[op].device), SparseHistogram(ops[op].queue), ops[op].requests,
                                  ops[op].bytes, 0};
    device.seconds.push_back(second);
    device.totals.add(second);
  }
  return device;
}

Judgement judge(const DeviceSeries& before, const DeviceSeries& after) {
  const Estimates a = estimates_of(before.seconds), b = estimates_of(after.seconds);
  return vqscope::judge(Pair{before, after, a, b}, 0.05);
}

Judgement judge(const LoadModel& before, const LoadModel& after, std::uint64_t seed) {
  return judge(simulate(before, seed), simulate(after, seed + 1'000'000));
}

std::map<Verdict, int> tally(const LoadModel& before, const LoadModel& after, int pairs) {
  std::map<Verdict, int> verdicts;
  for (int i = 0; i < pairs; ++i) ++verdicts[judge(before, after, static_cast<std::uint64_t>(i)).verdict];
  return verdicts;
}

LoadModel load(bool closed, double persistence) {
  LoadModel model;
  model.closed = closed;
  model.persistence = persistence;
  return model;
}

LoadModel with_latency(LoadModel model, double factor) {
  model.latency *= factor;
  return model;
}

}  // namespace vqscope::test
