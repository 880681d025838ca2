// SPDX-License-Identifier: Apache-2.0
// What is found in the last seconds up to a reading.
#include "agent/diagnosis/recent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/diagnosis/diagnosis.h"
#include "tests/unit/top_case.h"

namespace vqscope {
namespace {

using test::kSecond;
using test::Readings;
using ::testing::Contains;
using ::testing::Not;
using ::testing::Optional;

std::vector<std::string> ids_of(const std::vector<Finding>& findings) {
  std::vector<std::string> ids;
  for (const Finding& finding : findings) ids.emplace_back(finding.kind->id);
  return ids;
}

// A guest with one queue for four vCPUs, all of which submit, and one of which is interrupted.
class Recent {
 public:
  // A reading after that time, in which so many requests completed.
  RecentFindings after(std::uint64_t ns, std::uint64_t requests) {
    if (requests > 0) readings_.read(0, requests / 2, 100'000);
    DeviceSnapshot& device = readings_.reading().snapshot.devices[0];
    for (OriginCounters& origin : (*device.queues)[0].origins) origin.local += requests / 8;
    device.vectors[0].per_cpu[0] += requests;
    readings_.reading().snapshot.time_ns += ns;
    recent_.add(readings_.reading().topology, readings_.reading().snapshot);
    return recent_.judge();
  }
  Readings& readings() { return readings_; }
  RecentReadings& recent() { return recent_; }

 private:
  Readings readings_ = Readings(1, 4);
  RecentReadings recent_;
};

TEST(RecentReadings, AreJudgedTogetherSoThatNoSecondDecides) {
  Recent guest;
  for (int second = 0; second < 12; ++second) guest.after(kSecond, second % 2 == 0 ? 0 : 8'000);
  for (int second = 0; second < 30; ++second) {
    const RecentFindings findings = guest.after(kSecond, second % 2 == 0 ? 0 : 8'000);
    EXPECT_THAT(ids_of(findings.found), Contains("single_queue")) << second;
    EXPECT_THAT(findings.seconds, Optional(10));
  }
}

TEST(RecentReadings, LetBeginAndEndBeSeenWithinTheirWindow) {
  Recent guest;
  for (int second = 0; second < 30; ++second) guest.after(kSecond, 0);
  EXPECT_THAT(ids_of(guest.after(kSecond, 0).found), Not(Contains("single_queue")));
  std::vector<std::string> found;
  for (int second = 0; second < 10; ++second) found = ids_of(guest.after(kSecond, 8'000).found);
  EXPECT_THAT(found, Contains("single_queue"));
  for (int second = 0; second < 10; ++second) found = ids_of(guest.after(kSecond, 0).found);
  EXPECT_THAT(found, Not(Contains("single_queue")));
}

TEST(RecentReadings, HaveAWindowHoweverFarApartTheyAre) {
  for (const auto& [apart_ns, seconds] : {std::pair(kSecond / 10, 10.0), std::pair(kSecond, 10.0),
                                          std::pair(7 * kSecond, 14.0), std::pair(30 * kSecond, 30.0)}) {
    Recent guest;
    RecentFindings findings = guest.after(apart_ns, 0);
    EXPECT_FALSE(findings.seconds);
    EXPECT_TRUE(findings.found.empty());
    for (std::uint64_t ns = 0; ns < 90 * kSecond; ns += apart_ns)
      findings = guest.after(apart_ns, 8'000 * apart_ns / kSecond);
    ASSERT_TRUE(findings.seconds);
    EXPECT_NEAR(*findings.seconds, seconds, apart_ns < kSecond ? 1 : 0) << apart_ns;
    EXPECT_THAT(ids_of(findings.found), Contains("single_queue"));
  }
}

TEST(RecentReadings, AreJudgedAsBothEndsOfTheirWindowAre) {
  Recent guest;
  std::vector<Snapshot> all;
  Course course;
  for (int second = 0; second < 11; ++second) {
    guest.after(kSecond, 8'000);
    all.push_back(guest.readings().reading().snapshot);
    course.add(guest.readings().reading().topology, all.back());
  }
  const Diagnosis whole = diagnose(guest.readings().reading().topology, all.front(), all.back(), course);
  const RecentFindings findings = guest.recent().judge();
  EXPECT_EQ(findings.seconds, whole.seconds);
  ASSERT_EQ(ids_of(findings.found), ids_of(whole.findings));
  for (std::size_t i = 0; i < whole.findings.size(); ++i) {
    EXPECT_EQ(findings.found[i].found.evidence, whole.findings[i].found.evidence);
    EXPECT_EQ(findings.found[i].found.numbers, whole.findings[i].found.numbers);
  }
}

TEST(RecentReadings, BeginAnewWithAnotherRun) {
  Recent guest;
  for (int second = 0; second < 5; ++second) guest.after(kSecond, 8'000);
  guest.recent().clear();
  EXPECT_FALSE(guest.after(kSecond, 8'000).seconds);
  EXPECT_THAT(guest.after(kSecond, 8'000).seconds, Optional(1));
  EXPECT_FALSE(guest.after(0, 0).seconds) << "the same moment again";
}

}  // namespace
}  // namespace vqscope
