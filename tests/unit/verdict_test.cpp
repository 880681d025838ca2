// SPDX-License-Identifier: Apache-2.0
// Verdicts on loads of which the truth is known. Everything is seeded, so the counts are always the same; METHOD.md has
// a table of more of them.
#include "agent/compare/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "loads.h"

namespace vqscope {
namespace {

using test::LoadModel;
using test::simulate;
using ::testing::HasSubstr;

Judgement judge(const DeviceSeries& before, const DeviceSeries& after) {
  const Estimates a = estimate(before.seconds, numbers_of), b = estimate(after.seconds, numbers_of);
  return judge(Pair{before, after, a, b}, 0.05);
}

Judgement judge(const LoadModel& before, const LoadModel& after, std::uint64_t seed = 1) {
  return judge(simulate(before, seed), simulate(after, seed + 1'000'000));
}

// How often each verdict came, of so many pairs of recordings.
std::map<Verdict, int> tally(const LoadModel& before, const LoadModel& after, int pairs = 40) {
  std::map<Verdict, int> verdicts;
  for (int i = 0; i < pairs; ++i) ++verdicts[judge(before, after, static_cast<std::uint64_t>(i)).verdict];
  return verdicts;
}

LoadModel load(bool closed, double persistence = 0.5) {
  LoadModel model;
  model.closed = closed;
  model.persistence = persistence;
  return model;
}

LoadModel with_latency(LoadModel model, double factor) {
  model.latency *= factor;
  return model;
}

TEST(Verdict, OfTheSameLoadTwiceIsNoDifference) {
  for (const bool closed : {true, false})
    for (const double persistence : {0.0, 0.5, 0.8}) {
      auto verdicts = tally(load(closed, persistence), load(closed, persistence));
      EXPECT_GE(verdicts[Verdict::kNoDifference], 38) << closed << " " << persistence;
      EXPECT_EQ(verdicts[Verdict::kNotComparable], 0) << closed << " " << persistence;
    }
}

TEST(Verdict, SeesATenthMoreOrLessLatency) {
  for (const bool closed : {true, false}) {
    EXPECT_GE(tally(load(closed), with_latency(load(closed), 0.9))[Verdict::kBetter], 32) << closed;
    EXPECT_GE(tally(load(closed), with_latency(load(closed), 1 / 0.9))[Verdict::kWorse], 32) << closed;
  }
}

TEST(Verdict, OfAChangeBelowTheSmallestEffectIsNoDifferenceHoweverCertain) {
  LoadModel model = load(true, 0);
  model.seconds = 300;
  model.drift = 0.01;
  EXPECT_EQ(judge(model, with_latency(model, 0.97)).verdict, Verdict::kNoDifference);
}

TEST(Verdict, ALongerTailAloneIsWorseAndAShorterOneBetter) {
  LoadModel shorter = load(false);
  shorter.rate = 1000;
  shorter.drift = 0.03;
  shorter.tail = 3;
  LoadModel longer = shorter;
  longer.tail = 6;
  longer.latency *= (1 - test::kTailShare + test::kTailShare * shorter.tail) /
                    (1 - test::kTailShare + test::kTailShare * longer.tail);  // the same mean
  const Judgement judgement = judge(shorter, longer);
  EXPECT_EQ(judgement.verdict, Verdict::kWorse) << judgement.reason;
  EXPECT_THAT(judgement.reason, HasSubstr("p99 of reads"));
  EXPECT_EQ(judge(longer, shorter).verdict, Verdict::kBetter);
}

TEST(Verdict, AClosedLoadOnAFasterDiskIsBetterThoughItsRateDiffers) {
  const Judgement judgement = judge(load(true), with_latency(load(true), 0.25));
  EXPECT_EQ(judgement.verdict, Verdict::kBetter) << judgement.reason;
  EXPECT_THAT(judgement.reason, HasSubstr("requests/s"));
}

TEST(Verdict, AnOpenLoadOnAFasterDiskIsBetterThoughFewerAreInFlight) {
  const Judgement judgement = judge(load(false), with_latency(load(false), 0.25));
  EXPECT_EQ(judgement.verdict, Verdict::kBetter) << judgement.reason;
  EXPECT_THAT(judgement.reason, HasSubstr("mean latency"));
}

TEST(Verdict, ADeeperClosedLoadOnASaturatedDiskIsNotComparable) {
  LoadModel deeper = load(true);  // twice as many in flight, served at the same rate
  deeper.concurrency *= 2;
  deeper.latency *= 2;
  for (const auto& [before, after] : {std::pair(load(true), deeper), std::pair(deeper, load(true))}) {
    auto verdicts = tally(before, after, 20);
    EXPECT_EQ(verdicts[Verdict::kNotComparable], 20);
  }
  EXPECT_THAT(judge(load(true), deeper).reason, HasSubstr("in flight"));
}

TEST(Verdict, ADeeperClosedLoadThatIsServedFasterIsNotComparableEither) {
  LoadModel deeper = load(true);
  deeper.concurrency *= 8;
  deeper.latency *= 2;
  EXPECT_EQ(judge(load(true), deeper).verdict, Verdict::kNotComparable);
}

TEST(Verdict, AnOpenLoadOfAnotherRateIsNotComparable) {
  LoadModel faster = load(false);
  faster.rate *= 2;
  for (const double latency : {0.97, 1.0, 1.5}) {
    const Judgement judgement = judge(load(false), with_latency(faster, latency));
    EXPECT_EQ(judgement.verdict, Verdict::kNotComparable) << latency;
    EXPECT_THAT(judgement.reason, HasSubstr("requests per second"));
  }
}

TEST(Verdict, AMuchLargerOpenLoadIsNotComparableThoughItIsServedFaster) {
  LoadModel busier = load(false);  // vCPUs that are busy do not fall asleep, so requests take less time
  busier.rate *= 3;
  for (const double latency : {0.2, 0.28, 0.33})
    EXPECT_EQ(judge(load(false), with_latency(busier, latency)).verdict, Verdict::kNotComparable) << latency;
}

TEST(Verdict, SomewhatMoreRequestsWithFewerInFlightAreBetter) {
  LoadModel faster = with_latency(load(false), 0.3);
  faster.rate *= 1.3;
  EXPECT_EQ(judge(load(false), faster).verdict, Verdict::kBetter);
  EXPECT_EQ(judge(faster, load(false)).verdict, Verdict::kWorse);
}

TEST(Verdict, ALittleMoreLoadExplainsALittleMoreLatency) {
  LoadModel more = with_latency(load(false, 0), 1.2);  // at 80 % of a queue's capacity, 5 % more load does this
  more.rate *= 1.07;
  more.drift = 0.02;
  LoadModel less = load(false, 0);
  less.drift = 0.02;
  EXPECT_EQ(judge(less, more).verdict, Verdict::kNoDifference);
  EXPECT_EQ(judge(less, with_latency(more, 1.5)).verdict, Verdict::kWorse);
}

TEST(Verdict, OtherRequestsAreNotComparable) {
  LoadModel mixed = load(true);
  mixed.reads = 0.7;
  EXPECT_THAT(judge(load(true), mixed).reason, HasSubstr("30 % after"));
  LoadModel large = load(true);
  large.size = 65536;
  EXPECT_THAT(judge(load(true), large).reason, HasSubstr("reads of 4.00 KiB before, 64.0 KiB after"));
  LoadModel alone = load(true);
  alone.submission_cpus = 1;
  LoadModel many = load(true);
  many.submission_cpus = 3.9;
  EXPECT_THAT(judge(alone, many).reason, HasSubstr("requests came from 1.0 vCPUs before, 3.9 after"));
  for (const LoadModel& other : {mixed, large}) EXPECT_EQ(judge(load(true), other).verdict, Verdict::kNotComparable);
}

TEST(Verdict, WhileAllTagsWereInUseThroughputDecides) {
  LoadModel unlimited = load(true);
  unlimited.concurrency = 32;
  unlimited.latency = 0.04;
  DeviceSeries before = simulate(load(true), 1);
  before.full_share = 0.9;
  const Judgement judgement = judge(before, simulate(unlimited, 2));
  EXPECT_EQ(judgement.verdict, Verdict::kBetter) << judgement.reason;
  EXPECT_THAT(judgement.reason, HasSubstr("requests/s"));
  EXPECT_THAT(judgement.reason, testing::Not(HasSubstr("latency")));
}

TEST(Verdict, NeedsLongEnoughRecordingsUnderLoad) {
  LoadModel brief = load(true);
  brief.seconds = kFewestSeconds - 1;
  const Judgement judgement = judge(brief, load(true));
  EXPECT_EQ(judgement.verdict, Verdict::kNotComparable);
  EXPECT_THAT(judgement.reason, HasSubstr("too short: 19 s with requests before"));
  LoadModel idle = load(false);
  idle.rate = 0.5;
  EXPECT_THAT(judge(idle, load(false)).reason, HasSubstr("idle before"));
  EXPECT_TRUE(judge(idle, idle).idle);
  DeviceSeries untraced = simulate(load(true), 1);
  untraced.traced = false;
  EXPECT_THAT(judge(untraced, simulate(load(true), 2)).reason, HasSubstr("the block probe was off"));
}

TEST(LoadKindOf, FollowsFromHowConcurrencyMovesWithLatency) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(kind_of(simulate(load(true), seed)), LoadKind::kClosed);
    EXPECT_EQ(kind_of(simulate(load(false), seed)), LoadKind::kOpen);
  }
}

TEST(Dependence, MakesBlocksLongerTheMoreSecondsDependOnOneAnother) {
  std::vector<double> alternating, slow;
  for (int i = 0; i < 100; ++i) {
    alternating.push_back(i % 2);
    slow.push_back(i / 10 % 2);
  }
  EXPECT_EQ(dependence(alternating).block, 1U);
  EXPECT_GT(dependence(slow).block, 5U);
  EXPECT_LE(dependence(slow).block, 20U);
  EXPECT_GE(dependence(slow).correction, 1);
  EXPECT_EQ(dependence(std::vector<double>(100, 7.0)).block, 1U);
  EXPECT_EQ(dependence({}).block, 1U);
}

TEST(StudentQuantile, IsThatOfTheTables) {
  // scipy.stats.t.ppf(0.995, df)
  for (const auto& [freedom, value] : {std::pair(4.0, 4.6041), {10.0, 3.1693}, {30.0, 2.7500}, {1e6, 2.5758}})
    EXPECT_NEAR(student_quantile(freedom), value, 0.03 * value);
}

TEST(Deviation, IsThatOfTheSample) {
  EXPECT_DOUBLE_EQ(deviation(std::array{1.0, 2.0, 3.0}), 1);
  EXPECT_EQ(deviation(std::array{1.0}), 0);
}

}  // namespace
}  // namespace vqscope
