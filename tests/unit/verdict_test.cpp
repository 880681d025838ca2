// SPDX-License-Identifier: Apache-2.0
// Verdicts on loads of which the truth is known. Everything is seeded, so the counts are always the same; METHOD.md has
// a table of more of them.
#include "agent/comparison/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "loads.h"

namespace vqscope {
namespace {

using test::judge;
using test::load;
using test::LoadModel;
using test::simulate;
using test::tally;
using test::with_latency;
using ::testing::HasSubstr;

TEST(Verdict, OfTheSameLoadTwiceIsNoDifference) {
  for (const bool closed : {true, false})
    for (const double persistence : {0.0, 0.5, 0.8}) {
      auto verdicts = tally(load(closed, persistence), load(closed, persistence));
      EXPECT_GE(verdicts[Verdict::kNoDifference], 37) << closed << " " << persistence;
      EXPECT_LE(verdicts[Verdict::kBetter] + verdicts[Verdict::kWorse], 2) << closed << " " << persistence;
    }
}

TEST(Verdict, SeesAnEighthMoreOrLessLatencyOfASteadyDiskAndTwoFifthsOfAnUnsteadyOne) {
  struct Case {
    bool closed;
    double drift, change;
  };
  for (const auto& [closed, drift, change] : {Case{true, 0.02, 0.87}, {true, 0.08, 0.6}, {false, 0.08, 0.6}}) {
    LoadModel model = load(closed);
    model.drift = drift;
    EXPECT_GE(tally(model, with_latency(model, change))[Verdict::kBetter], 32) << closed << change;
    EXPECT_GE(tally(model, with_latency(model, 1 / change))[Verdict::kWorse], 32) << closed << change;
  }
}

TEST(Verdict, ABurstOfOtherWorkHidesNoChangeAndIsNone) {
  LoadModel model = load(true);
  model.seconds = 21;
  model.drift = 0.03;
  LoadModel disturbed = model;
  disturbed.burst = 3;
  EXPECT_GE(tally(disturbed, with_latency(model, 0.7), 20)[Verdict::kBetter], 18);
  EXPECT_GE(tally(with_latency(model, 0.7), disturbed, 20)[Verdict::kWorse], 18);
  auto same = tally(disturbed, model, 20);
  EXPECT_EQ(same[Verdict::kBetter] + same[Verdict::kWorse], 0);
}

TEST(Verdict, IsMixedWhereReadsAreBetterAndWritesWorse) {
  LoadModel reads = load(false), writes = load(false);
  reads.rate = writes.rate = 2000;
  reads.drift = writes.drift = 0.01;
  reads.tail = writes.tail = 6;
  DeviceSeries before = simulate(reads, 1);
  // The tails change places between the operations, so that no average does.
  const auto add_writes = [](DeviceSeries& device, const DeviceSeries& of) {
    device.totals = {};
    for (std::size_t i = 0; i < device.seconds.size(); ++i) {
      device.seconds[i].ops[VQS_WRITE] = of.seconds[i].ops[VQS_READ];
      device.seconds[i].queued_seconds += of.seconds[i].queued_seconds;
      device.totals.add(device.seconds[i]);
    }
  };
  writes.tail = 3;
  writes.latency *=
      (1 - test::kTailShare + test::kTailShare * reads.tail) / (1 - test::kTailShare + test::kTailShare * 3);
  DeviceSeries shorter = simulate(writes, 3), longer = simulate(reads, 4);
  DeviceSeries after_reads = simulate(writes, 5);
  add_writes(before, shorter);
  add_writes(after_reads, longer);
  const Judgement judgement = judge(before, after_reads);
  EXPECT_EQ(judgement.verdict, Verdict::kMixed) << judgement.reason;
  EXPECT_THAT(judgement.reason, testing::ContainsRegex("better \\(p99 of reads .*, and some worse \\(p99 of writes"));
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
  const Judgement judgement = judge(brief, with_latency(load(true), 0.25));
  EXPECT_EQ(judgement.verdict, Verdict::kNotComparable);
  EXPECT_THAT(judgement.reason, HasSubstr("too short: 7 s with requests before and 60 s after; record 20 s or more"));
  EXPECT_THAT(judgement.reason, HasSubstr("What was seen: requests/s"));
  LoadModel idle = load(false);
  idle.rate = 0.5;
  EXPECT_THAT(judge(idle, load(false)).reason, HasSubstr("idle before"));
  EXPECT_TRUE(judge(idle, idle).idle);
  DeviceSeries untraced = simulate(load(true), 1);
  untraced.traced = false;
  EXPECT_THAT(judge(untraced, simulate(load(true), 2)).reason, HasSubstr("the block probe was off"));
}

TEST(Verdict, CountsSecondsAndNotReadings) {
  const auto within = [](double seconds, std::uint64_t seed) {
    LoadModel model = load(true);
    model.seconds = 21;
    DeviceSeries series = simulate(model, seed);
    series.totals.seconds = seconds;
    for (Second& second : series.seconds) second.seconds = seconds / static_cast<double>(series.seconds.size());
    return series;
  };
  EXPECT_THAT(judge(within(21, 1), within(1.6, 2)).reason,
              HasSubstr("too short: 21 s with requests before and 2 s after"));
  EXPECT_THAT(judge(within(0.021, 1), within(21, 2)).reason,
              HasSubstr("too short: 21.0 ms with requests before and 21 s after"));
  EXPECT_THAT(judge(within(600, 1), within(600, 2)).reason, testing::Not(HasSubstr("too short"))) << "late readings";
  LoadModel brief = load(true);
  brief.seconds = 7;
  EXPECT_THAT(judge(simulate(brief, 1), within(21, 2)).reason, HasSubstr("too short: 7 s")) << "readings count, too";
}

TEST(Verdict, ADiskIsNotIdleThatHardlyHadTimeForARequest) {
  LoadModel model = load(false);
  model.seconds = 1;
  model.rate = 50;
  const auto within = [&](double seconds) {
    DeviceSeries series = simulate(model, 1);
    series.totals.seconds = series.seconds[0].seconds = seconds;
    return series;
  };
  EXPECT_THAT(judge(simulate(load(true), 1), within(0.003)).reason, HasSubstr("too short: 60 s with requests before"));
  EXPECT_THAT(judge(simulate(load(true), 1), within(60)).reason, HasSubstr("the disk was idle after"));
}

TEST(Verdict, BetterWithoutMoreRequestsSaysSo) {
  LoadModel before = load(true), after = load(true);
  before.concurrency = after.concurrency = 1;
  before.latency = 0.004;
  after.latency = 0.003;
  before.think = 0.001;
  after.think = 0.002;
  const Judgement same = judge(before, after);
  EXPECT_EQ(same.verdict, Verdict::kBetter) << same.reason;
  EXPECT_THAT(same.notes,
              testing::Contains(testing::AllOf(HasSubstr("requests/s"), HasSubstr("did not rise with it"))));
  after.think = before.think;
  const Judgement more = judge(before, after);
  EXPECT_EQ(more.verdict, Verdict::kBetter) << more.reason;
  EXPECT_THAT(more.notes, testing::Not(testing::Contains(HasSubstr("did not rise with it"))));
}

TEST(Verdict, OfTenSecondsIsGivenOfWhatCannotBeOverlooked) {
  LoadModel brief = load(true);
  brief.seconds = 10;
  EXPECT_EQ(judge(brief, with_latency(brief, 0.4)).verdict, Verdict::kBetter);
  EXPECT_EQ(judge(brief, with_latency(brief, 2.5)).verdict, Verdict::kWorse);
  const Judgement judgement = judge(brief, with_latency(brief, 0.95));
  EXPECT_EQ(judgement.verdict, Verdict::kNotComparable);
  EXPECT_THAT(judgement.reason,
              HasSubstr("record 20 s or more, and a minute where it is noisy. What was seen: requests/s"));
  EXPECT_THAT(judgement.reason, HasSubstr("95 % interval"));
}

TEST(Verdict, OfTenSecondsIsHardlyEverWrong) {
  for (const double persistence : {0.0, 0.5, 0.8, 0.95}) {
    LoadModel brief = load(true, persistence);
    brief.seconds = 10;
    auto verdicts = tally(brief, brief, 100);
    EXPECT_LE(verdicts[Verdict::kBetter] + verdicts[Verdict::kWorse], 5) << persistence;
  }
}

TEST(Verdict, OfRecordingsThatWouldHideTwiceTheLatencyIsThatTheyAreTooNoisy) {
  LoadModel wild = load(true, 0.9);
  wild.drift = 1;
  wild.seconds = 30;
  const Judgement judgement = judge(wild, wild);
  EXPECT_EQ(judgement.verdict, Verdict::kNotComparable);
  EXPECT_THAT(judgement.reason, HasSubstr("too noisy to tell"));
  EXPECT_THAT(judgement.reason, HasSubstr("; record a minute or more of each side, while the load is steady"));
}

TEST(Verdict, OfNoDifferenceSaysWhatWouldHaveBeenSeenOrThatWhatWasSeenDoesNotCount) {
  const Judgement unsure = judge(load(true), load(true));
  EXPECT_EQ(unsure.verdict, Verdict::kNoDifference);
  EXPECT_THAT(unsure.reason,
              testing::ContainsRegex("which is not certain; a rise by [0-9]+ % or a fall by [0-9]+ % would have"));
  LoadModel steady = load(true, 0);
  steady.seconds = 300;
  steady.drift = 0.01;
  const Judgement small = judge(steady, with_latency(steady, 0.97));
  EXPECT_THAT(small.reason, HasSubstr("certain, but a change below 5 % does not count"));
}

TEST(Estimate, HasTheErrorByWhichAFifthDiffersFromAnother) {
  DeviceSeries steady = simulate(load(true, 0), 1), drifting = steady;
  for (std::size_t i = 0; i < drifting.seconds.size(); ++i)
    if (i % 24 < 12) drifting.seconds[i].seconds *= 2;  // every other fifth is half as fast
  const Estimate fast = estimate(steady.seconds, numbers_of, is_robust)[kRate],
                 slow = estimate(drifting.seconds, numbers_of, is_robust)[kRate];
  EXPECT_EQ(fast.degrees_of_freedom, kParts - 1);
  EXPECT_LT(fast.log_error, 0.05);
  EXPECT_NEAR(slow.log_error, std::log(2) * std::sqrt(0.3), 0.05);
}

TEST(Estimate, OfTooLittleIsNotSureOfAnything) {
  const DeviceSeries device = simulate(load(true), 1);
  const auto one = estimate(std::span(device.seconds).first(1), numbers_of, is_robust);
  const auto ratio = compare(one[kRate], one[kRate]);
  ASSERT_TRUE(ratio);
  EXPECT_FALSE(ratio->certain());
  EXPECT_TRUE(ratio->tells_nothing());
  EXPECT_EQ(ratio->low, 0);
}

TEST(Ratio, TellsNothingWhereHalfAndTwiceAsMuchAreWithinItsInterval) {
  EXPECT_TRUE((Ratio{0.7, 0.0036, 144}.tells_nothing()));
  EXPECT_TRUE((Ratio{1, 0.5, 2}.tells_nothing()));
  EXPECT_FALSE((Ratio{1, 0.6, 144}.tells_nothing())) << "it did not fall by half";
  EXPECT_FALSE((Ratio{1, 0.0036, 1.9}.tells_nothing())) << "it did not double";
  EXPECT_FALSE((Ratio{90, 3, 900}.tells_nothing())) << "it is more";
}

// The median second and the whole recording have two, and a sentence says which of them it has.
TEST(Verdict, SaysOfWhichSecondsARateOrALatencyIs) {
  LoadModel busier = load(false), brief = load(true), steady = load(true, 0);
  busier.rate *= 2;
  brief.seconds = 10;
  steady.drift = 0.01;
  const testing::Matcher<std::string> scoped =
      testing::AnyOf(HasSubstr("in the median second"), HasSubstr("of all seconds compared"));
  for (const Judgement& judgement :
       {judge(load(true), load(true)), judge(load(false), busier), judge(brief, brief),
        judge(steady, with_latency(steady, 0.97)), judge(load(true), with_latency(load(true), 0.25))})
    EXPECT_THAT(judgement.reason, scoped);
  const Judgement both = judge(brief, brief);
  EXPECT_THAT(both.reason, testing::ContainsRegex("requests/s of all seconds compared [0-9.]+ -> .*mean latency of "
                                                  "all seconds compared [0-9.]+ ms -> "));
}

TEST(StudentQuantile, IsThatOfTheTables) {
  // scipy.stats.t.ppf(0.975, df)
  for (const auto& [freedom, value] : {std::pair(4.0, 2.7764), {10.0, 2.2281}, {30.0, 2.0423}, {1e6, 1.9600}})
    EXPECT_NEAR(student_quantile(freedom), value, 0.03 * value);
}

TEST(Scatter, IsThatOfTheMiddleTwoThirds) {
  std::vector<double> values;
  for (int i = 0; i <= 100; ++i) values.push_back(i);
  EXPECT_DOUBLE_EQ(scatter(values), 34);
  values.back() = 1e9;
  EXPECT_DOUBLE_EQ(scatter(values), 34);
  EXPECT_EQ(scatter({1.0}), 0);
}

}  // namespace
}  // namespace vqscope
