// SPDX-License-Identifier: Apache-2.0
// Verdicts on loads of which the truth is known. Everything is seeded: the counts are always the same.
#include "agent/compare/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "loads.h"

namespace vqscope {
namespace {

using test::LoadModel;
using test::simulate;
using ::testing::HasSubstr;

Judgement judge(const DeviceSeries& before, const DeviceSeries& after) {
  const Estimates a = estimate(before.seconds, numbers_of), b = estimate(after.seconds, numbers_of);
  return vqscope::judge(Pair{before, after, a, b}, 0.05);
}

Judgement judge(const LoadModel& before, const LoadModel& after, std::uint64_t seed = 1) {
  return judge(simulate(before, seed), simulate(after, seed + 1'000'000));
}

std::map<Verdict, int> tally(const LoadModel& before, const LoadModel& after, int runs) {
  std::map<Verdict, int> verdicts;
  for (int i = 0; i < runs; ++i) ++verdicts[judge(before, after, static_cast<std::uint64_t>(i)).verdict];
  return verdicts;
}

LoadModel with_latency(LoadModel model, double factor) {
  model.latency *= factor;
  return model;
}

class Calibration : public ::testing::Test {
 public:
  void show(const char* what, const LoadModel& a, const LoadModel& b) {
    auto t = tally(a, b, 100);
    std::printf("%-40s better %3d worse %3d none %3d notcomp %3d\n", what, t[Verdict::kBetter], t[Verdict::kWorse],
                t[Verdict::kNoDifference], t[Verdict::kNotComparable]);
  }
};

TEST_F(Calibration, Show) {
  for (bool closed : {true})
    for (double persistence : {0.0, 0.5, 0.8, 0.95})
      for (unsigned seconds : {20U, 60U, 180U}) {
        LoadModel m;
        m.closed = closed;
        m.persistence = persistence;
        m.seconds = seconds;
        char name[100];
        std::snprintf(name, sizeof name, "%s rho %.2f %3u s A/A", closed ? "closed" : "open", persistence, seconds);
        show(name, m, m);
        std::snprintf(name, sizeof name, "%s rho %.2f %3u s -10 %%", closed ? "closed" : "open", persistence, seconds);
        show(name, m, with_latency(m, 0.9));
      }
}

}  // namespace
}  // namespace vqscope
