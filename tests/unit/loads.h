// SPDX-License-Identifier: Apache-2.0
// Loads on a disk that never was, of which the truth is known, for tests of comparisons.
#pragma once

#include <cstdint>
#include <map>

#include "agent/comparison/series.h"
#include "agent/comparison/verdict.h"

namespace vqscope::test {

inline constexpr double kTailShare = 0.03;

// What a second of a load is drawn from. Latency scatters from request to request (log-normally) and drifts from second
// to second, as a first-order autoregressive process.
struct LoadModel {
  unsigned seconds = 60;
  bool closed = true;
  double concurrency = 8;     // closed: requests that circulate
  double think = 0;           // closed: seconds that each of them takes from its completion to the next start
  double rate = 400;          // open: requests per second
  double latency = 0.02;      // seconds, mean
  double tail = 1;            // the share kTailShare of the requests takes so many times as long
  double scatter = 0.4;       // of a request's latency, standard deviation of the logarithm
  double drift = 0.08;        // of the seconds' latencies likewise
  double persistence = 0.5;   // correlation of one second's drift with the next one's
  double rate_noise = 0.01;   // open: of the seconds' rates, standard deviation of the logarithm
  unsigned burst = 0;         // the last so many seconds take three times as long, as beside other work on the host
  double reads = 1;           // share of reads; the others are writes
  std::uint64_t size = 4096;  // bytes per request
  double submission_cpus = 2;
};

DeviceSeries simulate(const LoadModel& model, std::uint64_t seed);

// What is said of two recordings; of models, those that begin with this seed.
Judgement judge(const DeviceSeries& before, const DeviceSeries& after);
Judgement judge(const LoadModel& before, const LoadModel& after, std::uint64_t seed = 1);
// How often each verdict came, of so many pairs of recordings.
std::map<Verdict, int> tally(const LoadModel& before, const LoadModel& after, int pairs = 40);

LoadModel load(bool closed, double persistence = 0.5);
LoadModel with_latency(LoadModel model, double factor);

}  // namespace vqscope::test
