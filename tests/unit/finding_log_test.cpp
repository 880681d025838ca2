// SPDX-License-Identifier: Apache-2.0
#include "agent/collector/finding_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vqscope {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Finding finding(std::string device, std::vector<std::string> evidence) {
  Finding result{&finding_kinds().front(), std::move(device), {}};
  result.found.evidence = std::move(evidence);
  return result;
}

std::string id() { return std::string(finding_kinds().front().id); }

TEST(LogLine, NamesTheFindingTheDiskWhatWasFoundAndWhereTheRestIs) {
  EXPECT_EQ(log_line(Severity::kWarning, finding("vda", {"It is slow.", "It was 9 ms."})),
            "finding " + id() +
                " (warning) on vda: It is slow. It was 9 ms. More: vqscope doctor vda; vqscope explain " + id());
  EXPECT_THAT(
      log_line(Severity::kInfo, finding("", {"It is slow."})),
      testing::AllOf(StartsWith("finding " + id() + " (info) on this guest: It is slow. More: vqscope doctor; ")));
}

TEST(LogLine, HasWholeSentencesAsFarAsTheyFit) {
  const std::string line =
      log_line(Severity::kCritical, finding("vda", {"It is slow.", std::string(290, 'x') + ".", "The end."}));
  EXPECT_THAT(line, testing::AllOf(HasSubstr(": It is slow. More: "), Not(HasSubstr("xx")), Not(HasSubstr("The end"))));
}

TEST(LogLine, OfALongFirstSentenceIsCutAtAWord) {
  std::string sentence;
  for (int i = 0; i < 100; ++i) sentence += "latency ";
  const std::string line = log_line(Severity::kWarning, finding("vda", {sentence}));
  EXPECT_LE(line.size(), 300U);
  EXPECT_THAT(line, HasSubstr(" latency ... More: vqscope doctor vda; "));
}

TEST(LogLine, FitsForAnyDisk) {
  const std::string name(300, 'd');
  EXPECT_THAT(log_line(Severity::kWarning, finding(name, {"It is slow."})), HasSubstr(name + ": More: "));
}

}  // namespace
}  // namespace vqscope
