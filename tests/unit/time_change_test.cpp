// SPDX-License-Identifier: Apache-2.0
#include "agent/compare/time_change.h"

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
  [[nodiscard]] TimeChange change() const {
    static const DeviceSeries none;
    return time_change(Pair{none, none, before, after});
  }
};

Sides sides() {
  return Sides()
      .set(kMeanLatency, 353e-6, 233e-6)
      .set(kBeforeIssue, 3e-6, 1e-6)
      .set(kAtDevice, 350e-6, 232e-6)
      .set(kAtHost, 325e-6, 207e-6)
      .set(kCompletion, 25e-6, 25e-6)
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
  // Two errors of about 1, and Student's t with eighteen degrees of freedom.
  EXPECT_NEAR(clear->high - clear->value, std::sqrt(1 + 1.21) * 2.1, 0.02);
  EXPECT_TRUE(clear->certain());
  EXPECT_FALSE(difference(estimate_of(100, 0.05), estimate_of(110, 0.05))->certain());
}

TEST(Difference, ToAndFromNothingIsThatOfTheOtherSide) {
  EXPECT_TRUE(difference(estimate_of(100, 0.1), Estimate{0.0, 0, 0})->certain());
  EXPECT_FALSE(difference(Estimate{0.0, 0, 0}, Estimate{0.0, 0, 0})->certain());
}

TEST(Difference, OfWhatOnlySomePartsHaveIsNeverCertain) {
  EXPECT_FALSE(difference(estimate_of(100, 0.01), Estimate{1.0, 0.01, kParts - 2})->certain());
  EXPECT_EQ(difference(estimate_of(100, 0.01), Estimate{}), std::nullopt);
}

TEST(TimeChange, SaysInWhichPartsAChangeIsAndOfWhichNothingIsCertain) {
  const TimeChange change = sides().change();
  EXPECT_EQ(change.sentence,
            "of mean latency 353 us -> 233 us: at the host 118 us less (110 us to 126 us), before issue 2.00 us less "
            "(1.93 us to 2.07 us); not certain: in completion");
  EXPECT_THAT(keys(change), ElementsAre("before_issue", "at_host", "completion", "lock_waits"));
}

TEST(TimeChange, SaysThatNoPartIsCertain) {
  Sides noisy = sides();
  for (const DeviceNumber number : {kBeforeIssue, kAtHost, kCompletion})
    noisy.set(number, *noisy.before[number].value, *noisy.after[number].value, 1);
  EXPECT_EQ(noisy.change().sentence, "of mean latency 353 us -> 233 us, no part changed for certain");
}

TEST(TimeChange, LeavesOutWhatOneSideLacksAndSaysSo) {
  Sides old = sides();
  for (const DeviceNumber number : {kAtHost, kCompletion, kLockWaits}) old.before[number] = {};
  old.after[kLockWaits] = {};
  const TimeChange change = old.change();
  EXPECT_EQ(
      change.sentence,
      "of mean latency 353 us -> 233 us: between issue and completion 118 us less (109 us to 127 us), before issue "
      "2.00 us less (1.93 us to 2.07 us); left out: at the host (not measured before), in completion (not measured "
      "before), in waits for locks, which are within the others (not measured)");
  EXPECT_THAT(keys(change), ElementsAre("before_issue", "at_device"));
}

}  // namespace
}  // namespace vqscope
