// SPDX-License-Identifier: Apache-2.0
// What is the same load and what is another, on loads of which the truth is known. Everything is seeded.
#include "agent/comparison/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

// One job with one request at a time, which takes a while from one to the next.
LoadModel one_at_a_time() {
  LoadModel model = load(true);
  model.concurrency = 1;
  model.latency = 0.002;
  model.think = 0.0012;
  model.drift = 0.04;
  return model;
}

// What a limit of the host makes of a load that could do more: the rate stands still, and so does all else.
LoadModel at_a_limit(double depth) {
  LoadModel model = load(true);
  model.concurrency = depth;
  model.latency = depth / 400;
  model.drift = 0.001;
  model.scatter = 0.05;
  return model;
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

// On a disk that is faster and slower by turns, with seconds between in which nothing is asked for, so that averages
// are known badly.
DeviceSeries in_bursts(LoadModel model, std::uint64_t seed) {
  model.seconds = 60;
  model.drift = 0.6;
  DeviceSeries series = simulate(model, seed);
  for (std::size_t i = 0; i < series.seconds.size(); ++i) {
    if (i % 30 < 12) continue;
    for (Boxed<OpSecond>& op : series.seconds[i].ops) op.reset();
    series.seconds[i].queued_seconds = 0;
  }
  return series;
}

TEST(Verdict, AnotherLoadIsNotTakenForTheSameBecauseItIsNotCertain) {
  LoadModel shallow = load(true);
  shallow.concurrency /= 2.5;
  shallow.latency *= 0.65;
  int uncertain = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const DeviceSeries deep = in_bursts(load(true), seed), other = in_bursts(shallow, seed + 100);
    for (const Judgement& judgement : {judge(deep, other), judge(other, deep)}) {
      EXPECT_EQ(judgement.verdict, Verdict::kNotComparable) << judgement.reason;
      uncertain += judgement.reason.starts_with("the load may be another one: ") ? 1 : 0;
    }
  }
  EXPECT_GT(uncertain, 0);
}

TEST(Verdict, AnOpenLoadOfAnotherRateIsNotComparable) {
  LoadModel faster = load(false);
  faster.rate *= 2;
  for (const double latency : {0.97, 1.0, 1.5}) {
    const Judgement judgement = judge(load(false), with_latency(faster, latency));
    EXPECT_EQ(judgement.verdict, Verdict::kNotComparable) << latency;
    EXPECT_THAT(judgement.reason, HasSubstr("in the median second, requests per second"));
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
  more.drift = 0.06;
  LoadModel less = load(false, 0);
  less.drift = 0.06;
  EXPECT_EQ(judge(less, more).verdict, Verdict::kNoDifference);
  EXPECT_EQ(judge(less, with_latency(more, 1.8)).verdict, Verdict::kWorse);
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

TEST(LoadMatch, OneRequestAtATimeOnAFasterDiskIsBetterThoughItsRateAndItsConcurrencyDiffer) {
  for (const double factor : {0.78, 0.5, 0.25}) {
    auto better = tally(one_at_a_time(), with_latency(one_at_a_time(), factor), 20);
    EXPECT_EQ(better[Verdict::kBetter], 20) << factor;
    auto worse = tally(with_latency(one_at_a_time(), factor), one_at_a_time(), 20);
    EXPECT_EQ(worse[Verdict::kWorse], 20) << factor;
  }
  EXPECT_THAT(judge(one_at_a_time(), with_latency(one_at_a_time(), 0.78)).reason, HasSubstr("requests/s"));
}

// As when a job moves to the vCPU that is interrupted: it is woken sooner, and so more is in flight at a higher rate.
TEST(LoadMatch, OneRequestAtATimeThatIsSentSoonerAndServedSoonerIsBetter) {
  LoadModel before = one_at_a_time();
  before.latency = 0.001;
  before.think = 0.0003;
  before.drift = 0.01;
  LoadModel after = before;
  after.latency = 0.0009;
  after.think = 0.0001;
  EXPECT_EQ(tally(before, after, 20)[Verdict::kBetter], 20);
  EXPECT_EQ(tally(after, before, 20)[Verdict::kWorse], 20);
  EXPECT_THAT(judge(before, after).reason, HasSubstr("requests/s in the median second"));
  LoadModel sent_sooner = after;
  sent_sooner.latency = before.latency;
  EXPECT_EQ(tally(before, sent_sooner, 20)[Verdict::kBetter], 0) << "that is not the disk's doing";
}

// In flight for less than half of the time, 20 s of readings are too few to tell one request at a time from chance.
TEST(LoadMatch, SaysHowLongARecordingWouldShowThatThereIsOneRequestAtATime) {
  LoadModel before = one_at_a_time();
  before.seconds = 20;
  before.think = before.latency * 1.2;
  before.drift = 0.3;
  LoadModel after = before;
  after.latency *= 0.6;
  after.think *= 0.5;
  const Judgement judgement = judge(before, after);
  ASSERT_EQ(judgement.verdict, Verdict::kNotComparable) << judgement.reason;
  EXPECT_THAT(judgement.reason, ::testing::ContainsRegex("no reading found more than one in flight: if this is one "
                                                         "request at a time, [3-9]0 s of each side would show it"));
  LoadModel two = after;
  two.concurrency = 2;
  EXPECT_THAT(judge(before, two).reason, ::testing::Not(HasSubstr("would show it")));
}

TEST(LoadMatch, OneRequestAtATimeAndTwoAreTwoLoads) {
  LoadModel two = one_at_a_time();
  two.concurrency = 2;
  for (const double latency : {0.9, 1.0, 1.2}) {
    EXPECT_EQ(tally(one_at_a_time(), with_latency(two, latency), 20)[Verdict::kNotComparable], 20) << latency;
    EXPECT_EQ(tally(with_latency(two, latency), one_at_a_time(), 20)[Verdict::kNotComparable], 20) << latency;
  }
}

TEST(LoadMatch, ADeeperLoadAtALimitOfTheHostIsNoSlowerDisk) {
  for (const auto& [before, after] : {std::pair(4.0, 16.0), {16.0, 4.0}, {1.0, 2.0}}) {
    auto verdicts = tally(at_a_limit(before), at_a_limit(after), 20);
    EXPECT_EQ(verdicts[Verdict::kNotComparable], 20) << before << " " << after;
  }
  EXPECT_THAT(judge(at_a_limit(4), at_a_limit(16)).reason, HasSubstr("a deeper load, not a slower disk"));
  EXPECT_THAT(judge(at_a_limit(16), at_a_limit(4)).reason, HasSubstr("a shallower load, not a faster disk"));
}

TEST(LoadMatch, ADeeperLoadThatGainsALittleIsNoLoadThatThinks) {
  LoadModel deeper = at_a_limit(16);
  deeper.latency *= 0.85;
  for (const auto& [before, after] : {std::pair(at_a_limit(4), deeper), {deeper, at_a_limit(4)}})
    EXPECT_EQ(judge(before, after).verdict, Verdict::kNotComparable);
}

TEST(LoadMatch, FewerThanOneInFlightAtTheSameRateAreTheSameLoad) {
  LoadModel rare = load(false);
  rare.latency = 0.0005;  // 0.2 in flight
  rare.drift = 0.02;      // it hardly moves, so nothing else shows that the load is open
  const Judgement judgement = judge(rare, with_latency(rare, 1.6));
  EXPECT_EQ(judgement.verdict, Verdict::kWorse) << judgement.reason;
  EXPECT_EQ(judge(with_latency(rare, 1.6), rare).verdict, Verdict::kBetter);
}

TEST(LoadMatch, TheRateOfAnOpenLoadIsNeitherBetterNorWorse) {
  LoadModel more = load(false, 0);
  more.rate *= 1.08;
  const Judgement judgement = judge(load(false, 0), more);
  EXPECT_EQ(judgement.verdict, Verdict::kNoDifference) << judgement.reason;
  EXPECT_FALSE(judgement.load.rate_counts);
}

TEST(LoadMatch, NamesTheSettingThatMayHaveMadeTheRequestsAnotherSize) {
  LoadModel small = load(true), large = load(true);
  small.size = 131072;
  large.size = 1 << 20;
  DeviceSeries before = simulate(small, 1), after = simulate(large, 2);
  EXPECT_THAT(judge(before, after).reason, testing::Not(HasSubstr("can do that")));
  before.disk.facts.settings = {{"nomerges", "0"}, {"read_ahead_kb", "128"}};
  after.disk.facts.settings = {{"nomerges", "0"}, {"read_ahead_kb", "4096"}};
  const Judgement judgement = judge(before, after);
  EXPECT_EQ(judgement.verdict, Verdict::kNotComparable);
  EXPECT_THAT(judgement.reason, HasSubstr("reads of 128 KiB before, 1.00 MiB after (read_ahead_kb 128 -> 4096 can do"));
  EXPECT_THAT(judgement.reason, HasSubstr("in bytes: "));
}

TEST(LoadKindOf, FollowsFromWhatStandsStillWhileLatencyMoves) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(kind_of(simulate(load(true), seed)), LoadKind::kClosed);
    EXPECT_EQ(kind_of(simulate(load(false), seed)), LoadKind::kOpen);
    EXPECT_NE(kind_of(simulate(at_a_limit(16), seed)), LoadKind::kOpen);
  }
  LoadModel erratic = load(false);
  erratic.rate_noise = 0.2;
  EXPECT_EQ(kind_of(simulate(erratic, 1)), LoadKind::kUnknown);
}

}  // namespace
}  // namespace vqscope
