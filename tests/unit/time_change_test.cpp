// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/time_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vqscope {
namespace {

using ::testing::ElementsAre;

// Of all ten parts, with so much as the standard error of the logarithm.
Estimate estimate_of(double value, double log_error) { return {value, log_error, kParts - 1}; }

struct Sides {
  Estimates before = Estimates(kDeviceNumbers), after = Estimates(kDeviceNumbers);

  Sides& set(DeviceNumber number, double a, double b, double log_error = 0.01) {
    before[number] = estimate_of(a, log_error);
    after[number] = estimate_of(b, log_error);
    return *this;
  }
  [[nodiscard]] TimeChange change(bool by_median = false) const {
    static const DeviceSeries none;
    return time_change(Pair{none, none, before, after}, by_median);
  }
};

Sides sides() {
  return Sides()
      .set(kMeanLatency, 353e-6, 233e-6)
      .set(kBeforeIssue, 3e-6, 1e-6)
      .set(kAtDevice, 350e-6, 232e-6)
      .set(kAtHost, 325e-6, 207e-6)
      .set(kCompletion, 25e-6, 25.5e-6)
      .set(kLockWaits, 0, 0);
}

std::vector<std::string> keys(const TimeChange& change) {
  std::vector<std::string> result;
  for (const PartChange& part : change.parts) result.emplace_back(part.key);
  return result;
}

TEST(Difference, IsCertainWhereItsIntervalIsWithoutZero) {
  const auto clear = difference(estimate_of(100, 0.01), estimate_of(110, 0.01));
  ASSERT_TRUE(clear);
  EXPECT_DOUBLE_EQ(clear->value, 10);
  // Two errors of 1 %, and Student's t with eighteen degrees of freedom.
  EXPECT_NEAR(clear->high, 110 * std::exp(std::sqrt(2) * 0.01 * 2.1) - 100, 0.02);
  EXPECT_TRUE(clear->certain());
  EXPECT_FALSE(difference(estimate_of(100, 0.05), estimate_of(110, 0.05))->certain());
}

TEST(Difference, ToAndFromNothingIsThatOfTheOtherSide) {
  EXPECT_TRUE(difference(estimate_of(100, 0.1), Estimate{0.0, 0, 0})->certain());
  EXPECT_FALSE(difference(Estimate{0.0, 0, 0}, Estimate{0.0, 0, 0})->certain());
}

TEST(Difference, IsCertainExactlyWhereTheRatioIs) {
  for (double factor = 0.3; factor < 3; factor *= 1.05)
    for (const double error : {0.01, 0.1, 0.3, 1.0}) {
      const Estimate before = estimate_of(100, error), after = estimate_of(100 * factor, error / 2);
      EXPECT_EQ(difference(before, after)->certain(), compare(before, after)->certain()) << factor << " " << error;
    }
}

TEST(Difference, OfWhatHasNoErrorThatIsKnownIsNeverCertain) {
  EXPECT_FALSE(difference(estimate_of(100, 0.01), Estimate{1.0, 0.01, 0})->certain());
  EXPECT_FALSE(difference(Estimate{0.0, 0, 0}, Estimate{1.0, 0.01, 0})->certain());
  EXPECT_EQ(difference(estimate_of(100, 0.01), Estimate{}), std::nullopt);
}

// Of so many seconds, each with one request and these parts of its time; nullopt: it had no interrupt that was traced.
std::vector<Second> seconds_of(const std::vector<std::optional<double>>& completions, double lock_waits = 0) {
  std::vector<Second> seconds;
  for (const auto& completion : completions) {
    RequestTime time;
    time.requests = 1;
    time.before_issue = 1e-6;
    time.at_device = 9e-6;
    if (completion) {
      time.at_host = *time.at_device - *completion;
      time.completion = completion;
    }
    time.lock_waits = seconds.size() % 10 == 0 ? lock_waits : 0;
    Second& second = seconds.emplace_back();
    second.seconds = 1;
    second.time = time;
    OpSecond op;
    op.requests = 1;
    op.device.sum_ns = 10'000;
    second.ops[VQS_READ] = op;
  }
  return seconds;
}

TEST(Estimate, OfTimeAtTheHostAndInCompletionAddsUpToThatAtTheDevice) {
  std::vector<std::optional<double>> completions(20, 2e-6);
  completions[7] = std::nullopt;  // nearly all were traced
  completions[11] = 8e-6;
  const std::vector<Second> seconds = seconds_of(completions);
  const Estimates numbers = estimates_of(seconds);
  EXPECT_DOUBLE_EQ(*numbers[kAtHost].value + *numbers[kCompletion].value, *numbers[kAtDevice].value);
}

TEST(Estimate, OfAPartThatIsNothingInSomeTenthsHasNoErrorThatIsKnown) {
  const std::vector<Second> seconds = seconds_of(std::vector<std::optional<double>>(40, 2e-6), 1e-6);
  const Estimates numbers = estimates_of(seconds);
  EXPECT_EQ(numbers[kBeforeIssue].degrees_of_freedom, kParts - 1);
  EXPECT_GT(numbers[kLockWaits].value, 0);
  EXPECT_EQ(numbers[kLockWaits].degrees_of_freedom, 0);
}

TEST(Estimate, OfAPartOfTheTimeIsOfTheTenthsThatHaveRequests) {
  std::vector<Second> paused = seconds_of(std::vector<std::optional<double>>(36, 2e-6));
  for (int second = 0; second < 4; ++second) paused.emplace_back().seconds = 1;
  const std::vector<Second> brief = seconds_of(std::vector<std::optional<double>>(9, 2e-6));
  for (const auto& seconds : {paused, brief}) {
    const Estimates numbers = estimates_of(seconds);
    for (const DeviceNumber number : {kMeanLatency, kBeforeIssue, kAtDevice, kAtHost, kCompletion})
      EXPECT_EQ(numbers[number].degrees_of_freedom, kParts - 2) << number;
    EXPECT_TRUE(compare(numbers[kAtHost], estimate_of(*numbers[kAtHost].value / 2, 0.01))->certain());
  }
}

TEST(TimeChange, SaysInWhichPartsAChangeIsAndOfWhichNothingIsCertain) {
  const TimeChange change = sides().change();
  EXPECT_EQ(
      change.sentence,
      "of the whole recording's mean latency, 353 us -> 233 us, 120 us less (113 us to 127 us): at the host 118 us "
      "less (112 us to 124 us), before issue 2.00 us less (1.97 us to 2.03 us); not certain: in completion 500 ns "
      "more");
  EXPECT_THAT(keys(change), ElementsAre("before_issue", "at_host", "completion", "lock_waits"));
}

TEST(TimeChange, SaysThatNoPartIsCertain) {
  Sides noisy = sides();
  for (const DeviceNumber number : {kBeforeIssue, kAtHost, kCompletion})
    noisy.set(number, *noisy.before[number].value, *noisy.after[number].value, 1);
  EXPECT_EQ(noisy.change().sentence,
            "of the whole recording's mean latency, 353 us -> 233 us, 120 us less (113 us to 127 us), of which no part "
            "is certain: at "
            "the host 118 us less, before issue 2.00 us less, in completion 500 ns more");
}

TEST(TimeChange, SaysWhereTheMeanOfTheWholeRecordingIsNotCertainEither) {
  const std::string sentence = sides().set(kMeanLatency, 353e-6, 350e-6, 0.1).change().sentence;
  EXPECT_THAT(sentence, ::testing::HasSubstr("353 us -> 350 us, 3.00 us less, which is not certain: at the host"));
}

TEST(TimeChange, SaysThatTheVerdictIsOfTheMedianSecondWhereTheMeanIsNotCertain) {
  Sides noisy = sides().set(kMeanLatency, 353e-6, 534e-6, 1);
  for (const DeviceNumber number : {kBeforeIssue, kAtHost, kCompletion})
    noisy.set(number, *noisy.before[number].value, *noisy.after[number].value, 1);
  EXPECT_EQ(noisy.change(true).sentence,
            "of the whole recording's mean latency, 353 us -> 534 us, 181 us more, which is not certain (unlike the "
            "verdict, which is of the median second), nor is any part: at the host 118 us less, before issue 2.00 us "
            "less, in completion 500 ns more");
  EXPECT_THAT(sides().change(true).sentence, ::testing::Not(::testing::HasSubstr("the verdict")));
}

TEST(TimeChange, LeavesOutPartsWhoseChangeRoundsToNothing) {
  EXPECT_THAT(sides().set(kCompletion, 25e-6, 25.0001e-6).change().sentence,
              ::testing::Not(::testing::HasSubstr("in completion")));
  const Sides same = sides()
                         .set(kBeforeIssue, 3e-6, 3.0001e-6, 1e-9)
                         .set(kAtHost, 325e-6, 325.0002e-6)
                         .set(kCompletion, 25e-6, 24.9998e-6);
  EXPECT_THAT(same.change().sentence, ::testing::EndsWith("(113 us to 127 us), and no part changed"));
}

TEST(TimeChange, LeavesOutWhatOneSideLacksAndSaysSo) {
  Sides old = sides();
  for (const DeviceNumber number : {kAtHost, kCompletion, kLockWaits}) old.before[number] = {};
  old.after[kLockWaits] = {};
  const TimeChange change = old.change();
  EXPECT_EQ(
      change.sentence,
      "of the whole recording's mean latency, 353 us -> 233 us, 120 us less (113 us to 127 us): between issue and "
      "completion 118 us less (111 us to 125 us), before issue 2.00 us less (1.97 us to 2.03 us); left out: at the "
      "host (not measured before), in completion (not measured "
      "before), in waits for locks, which are within the others (not measured)");
  EXPECT_THAT(keys(change), ElementsAre("before_issue", "at_device"));
}

}  // namespace
}  // namespace vqscope
