// SPDX-License-Identifier: Apache-2.0
// What is said where other requests came beside a load, for few seconds or for most. Everything is seeded.
#include "agent/comparison/bursts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/comparison/report.h"
#include "agent/model/buckets.h"
#include "loads.h"

namespace vqscope {
namespace {

using test::load;
using test::LoadModel;
using test::simulate;
using test::with_latency;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

LoadModel steady(unsigned seconds = 25) {
  LoadModel model = load(true, 0);
  model.seconds = seconds;
  model.drift = 0.02;
  return model;
}

// Requests that somebody else did in the second that ends at `at`, and what they took from others.
struct Others {
  double at = 7;
  std::uint64_t requests = 2000, size = 4096;
  std::size_t op = VQS_WRITE;
};

void put(DeviceSeries& device, const Others& others) {
  for (Second& second : device.seconds) {
    if (second.at != others.at) continue;
    Totals::Op sum;
    OpSecond& op = second.ops[others.op] ? *second.ops[others.op] : second.ops[others.op].emplace();
    op.device.add_to(sum.device);
    const std::uint64_t ns = 30'000'000;
    sum.device.add(cell_of(ns), others.requests);
    op.device = SparseHistogram(sum.device);
    op.device.sum_ns = sum.device.sum_ns + others.requests * ns;
    op.requests += others.requests;
    op.bytes += others.requests * others.size;
    second.queued_seconds += static_cast<double>(others.requests * ns) / 1e9;
    second.submission_cpus = 4;
    second.in_flight += 30;
  }
  device.totals = {};
  for (const Second& second : device.seconds) device.totals.add(second);
}

DeviceSeries with(const LoadModel& model, std::uint64_t seed, const std::vector<Others>& bursts) {
  DeviceSeries device = simulate(model, seed);
  for (const Others& others : bursts) put(device, others);
  return device;
}

DeviceReport report_of(const DeviceSeries& before, const DeviceSeries& after) {
  Series a, b;
  a.file = "before.vqr";
  b.file = "after.vqr";
  a.devices.push_back(before);
  b.devices.push_back(after);
  const auto comparison = compare_series(a, b, {}, 0.05);
  EXPECT_TRUE(comparison);
  return comparison->devices.at(0);
}

TEST(Bursts, OfOneSecondDoNotDecideAndAreTold) {
  const DeviceSeries quiet = simulate(steady(), 1);
  const DeviceReport after = report_of(quiet, with(steady(), 2, {{}}));
  EXPECT_EQ(after.judgement.verdict, Verdict::kNoDifference) << after.judgement.reason;
  EXPECT_THAT(after.judgement.notes,
              Contains(HasSubstr("a burst was left out, 7 s into after.vqr: 2,000 writes of 4.00 KiB (a usual second "
                                 "has none) in 1 of 25 s; the verdict, rates and latencies are without it")));
  const DeviceReport before = report_of(with(steady(), 2, {{}}), quiet);
  EXPECT_EQ(before.judgement.verdict, Verdict::kNoDifference) << before.judgement.reason;
  EXPECT_THAT(before.judgement.notes, Contains(HasSubstr("7 s into before.vqr")));
  // The figures are those by which it was judged.
  ASSERT_EQ(before.operations.size(), 1U);
  EXPECT_EQ(before.operations[0].name, "read");
}

TEST(Bursts, HideNoChange) {
  for (const Others& others : {Others{}, Others{7, 500}, Others{7, 2000, 1 << 20, VQS_READ}}) {
    const DeviceSeries quiet = simulate(steady(), 1), faster = with(with_latency(steady(), 0.7), 2, {others});
    EXPECT_EQ(report_of(quiet, faster).judgement.verdict, Verdict::kBetter) << others.requests;
    EXPECT_EQ(report_of(faster, quiet).judgement.verdict, Verdict::kWorse) << others.requests;
  }
}

TEST(Bursts, OfTheSameOperationAreKnownByTheSizeOfTheirRequests) {
  const DeviceReport report = report_of(with(steady(), 1, {{9, 3000, 131072, VQS_READ}}), simulate(steady(), 2));
  EXPECT_EQ(report.judgement.verdict, Verdict::kNoDifference) << report.judgement.reason;
  EXPECT_THAT(report.judgement.notes,
              Contains(testing::ContainsRegex("9 s into before.vqr: 3,[34].. reads of 11. KiB .a usual second "
                                              "has [34].. reads of 4.00 KiB. in 1 of 25 s")));
}

TEST(Bursts, OfFewSecondsAreToldByTheirSpans) {
  const DeviceReport report =
      report_of(simulate(steady(), 1), with(steady(), 2, {{3}, {4}, {5}, {9, 700, 0, VQS_FLUSH}}));
  EXPECT_EQ(report.judgement.verdict, Verdict::kNoDifference) << report.judgement.reason;
  EXPECT_THAT(report.judgement.notes,
              Contains(HasSubstr("3 s to 5 s, 9 s into after.vqr: 6,000 writes of 4.00 KiB (a usual second has none), "
                                 "700 flushes (a usual second has none) in 4 of 25 s")));
}

// Twelve of them are 3 % of the requests of their second, however many bytes they name.
TEST(Bursts, AreNotMadeByTheBytesOfDiscards) {
  const DeviceReport report = report_of(simulate(steady(), 1), with(steady(), 2, {{7, 12, 1 << 30, VQS_DISCARD}}));
  EXPECT_THAT(report.judgement.notes, Not(Contains(HasSubstr("burst"))));
}

TEST(Bursts, OfALoadThatIsTooShortLeaveItAsLongAsItIs) {
  const DeviceReport brief = report_of(simulate(steady(15), 1), with(steady(15), 2, {{}}));
  EXPECT_THAT(brief.judgement.reason, HasSubstr("too short: 15 s with requests before and 15 s after"));
  const DeviceReport enough = report_of(simulate(steady(20), 1), with(steady(20), 2, {{}}));
  EXPECT_EQ(enough.judgement.verdict, Verdict::kNoDifference) << enough.judgement.reason;
}

TEST(Bursts, ThatGoOnAreAnotherLoad) {
  for (const unsigned every : {1U, 2U, 3U}) {
    DeviceSeries other = simulate(steady(), 2);
    for (unsigned at = 1; at <= 25; at += every) put(other, {static_cast<double>(at), 300});
    for (const DeviceReport& report :
         {report_of(simulate(steady(), 1), other), report_of(other, simulate(steady(), 1))}) {
      EXPECT_EQ(report.judgement.verdict, Verdict::kNotComparable) << every;
      EXPECT_THAT(report.judgement.reason, AllOf(HasSubstr("the load differs: "), HasSubstr("writes")));
      EXPECT_THAT(report.judgement.notes, Not(Contains(HasSubstr("left out"))));
    }
  }
  DeviceSeries third = simulate(steady(), 2);
  for (unsigned at = 1; at <= 25; at += 3) put(third, {static_cast<double>(at), 2000});
  EXPECT_THAT(report_of(simulate(steady(), 1), third).judgement.reason,
              HasSubstr("after, other requests than usual are in too many of the seconds to be left out as a burst: "
                        "18,000 writes of 4.00 KiB (a usual second has none) in 9 of 25 s"));
}

TEST(Bursts, BesideAnotherLoadAreLeftOutAndItIsStillAnother) {
  LoadModel mixed = steady();
  mixed.reads = 0.7;
  const DeviceReport report = report_of(with(steady(), 1, {{}}), simulate(mixed, 2));
  EXPECT_EQ(report.judgement.verdict, Verdict::kNotComparable);
  EXPECT_THAT(report.judgement.reason, HasSubstr("the load differs: 100 % reads before, "));
  EXPECT_THAT(report.judgement.notes, Contains(HasSubstr("a burst was left out, 7 s into before.vqr")));
}

TEST(Bursts, ThatBothSidesHaveAreTheLoadsOwn) {
  std::vector<Others> commits;
  for (double at = 5; at <= 60; at += 5) commits.push_back({at, 300});
  const DeviceReport report = report_of(with(steady(60), 1, commits), with(steady(60), 2, commits));
  EXPECT_EQ(report.judgement.verdict, Verdict::kNoDifference) << report.judgement.reason;
  EXPECT_THAT(report.judgement.notes, Not(Contains(HasSubstr("burst"))));
  EXPECT_EQ(report.operations.size(), 2U);
}

TEST(Bursts, ThatMostRequestsOfBothSidesAreInAreTheLoadsOwn) {
  LoadModel trickle = steady();
  trickle.concurrency = 0.5;
  const DeviceReport report =
      report_of(with(trickle, 1, {{5, 4000}, {6, 4000}, {7, 4000}, {8, 4000}}), with(trickle, 2, {{5, 1500}}));
  EXPECT_EQ(report.judgement.verdict, Verdict::kNotComparable);
  EXPECT_THAT(report.judgement.reason, HasSubstr("the load differs"));
  EXPECT_THAT(report.judgement.notes, Not(Contains(HasSubstr("left out"))));
}

// They are the disk's doing.
TEST(Bursts, OfWhatWaitedWhileTheDiskStalledAreNone) {
  LoadModel mixed = steady();
  mixed.reads = 0.5;
  DeviceSeries stalled = simulate(mixed, 1);
  for (const double at : {4.0, 5.0, 6.0})
    for (Second& second : stalled.seconds)
      if (second.at == at) {
        second.ops[VQS_WRITE].reset();
        second.in_flight = 600;
      }
  put(stalled, {7, 600});
  const DeviceReport report = report_of(stalled, simulate(mixed, 2));
  EXPECT_THAT(report.judgement.notes, Not(Contains(HasSubstr("left out"))));
}

TEST(Bursts, AreNotFoundInLoadsThatAreAsTheyAre) {
  for (const double reads : {1.0, 0.9, 0.5})
    for (const double rate : {5.0, 50.0, 400.0})
      for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        LoadModel model = load(false);
        model.reads = reads;
        model.rate = rate;
        const DeviceReport report = report_of(simulate(model, seed), simulate(model, seed + 100));
        EXPECT_THAT(report.judgement.notes, Not(Contains(HasSubstr("burst")))) << reads << " " << rate;
      }
}

TEST(Bursts, FromManyCpusDoNotMakeOneSubmitterSeveral) {
  LoadModel alone = steady();
  alone.submission_cpus = 1;
  DeviceSeries disturbed = simulate(alone, 2);
  for (std::size_t i = 0; i < 4; ++i) disturbed.seconds[i].submission_cpus = 16;
  EXPECT_EQ(report_of(simulate(alone, 1), disturbed).judgement.verdict, Verdict::kNoDifference);
}

}  // namespace
}  // namespace vqscope
