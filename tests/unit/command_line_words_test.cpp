// SPDX-License-Identifier: Apache-2.0
// What people type: times, and words that are nearly right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/duration.h"
#include "agent/base/similar.h"

namespace vqscope {
namespace {

using ::testing::IsEmpty;

TEST(Duration, IsReadAsPeopleWriteIt) {
  const std::pair<const char*, double> cases[] = {
      {"5", 5},       {"2.5", 2.5},   {"5s", 5},         {"2m", 120},         {"1h30m", 5400},
      {"1.5h", 5400}, {"500ms", 0.5}, {"1m500ms", 60.5}, {"7d", 7 * 86400.0}, {"0", 0},
  };
  for (const auto& [text, seconds] : cases) EXPECT_EQ(parse_duration(text), seconds) << text;
}

TEST(Duration, IsNothingElse) {
  for (const char* text : {"", "s", "-5", "-5s", "5 s", "5x", "1h30", "nan", "inf", "infs", "1e3", "0x10", "5ss", "+5",
                           "5,5", "5s ", "-0"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(DidYouMean, NamesTheNearestWord) {
  const std::vector<std::string> commands = {"serve", "doctor", "record", "compare", "explain", "help", "version"};
  EXPECT_EQ(did_you_mean("docter", commands), "; did you mean 'doctor'?");
  EXPECT_EQ(did_you_mean("dcotor", commands), "; did you mean 'doctor'?");
  EXPECT_EQ(did_you_mean("DOCTOR", commands), "; did you mean 'doctor'?");
  EXPECT_EQ(did_you_mean("diff", commands), "");
  EXPECT_EQ(did_you_mean("comp", commands), "; did you mean 'compare'?");
  EXPECT_EQ(did_you_mean("--durtion", {"--device", "--duration"}), "; did you mean '--duration'?");
  EXPECT_EQ(did_you_mean("-duration", {"--device", "--duration"}), "; did you mean '--duration'?");
  EXPECT_EQ(did_you_mean("single-queue", {"queue_full", "single_queue"}), "; did you mean 'single_queue'?");
}

TEST(DidYouMean, SaysNothingOfWordsThatHaveNothingInCommon) {
  EXPECT_THAT(did_you_mean("dance", {"serve", "record"}), IsEmpty());
  EXPECT_THAT(did_you_mean("", {"serve"}), IsEmpty());
  EXPECT_THAT(did_you_mean("x", {}), IsEmpty());
}

}  // namespace
}  // namespace vqscope
