// SPDX-License-Identifier: Apache-2.0
// `vqscope explain`: FINDINGS.md on a terminal.
#include "agent/commands/explain/explain.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "agent/base/wrap.h"
#include "agent/diagnosis/finding.h"
#include "agent/model/losses.h"

namespace vqscope {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Explain, HasASectionForEveryFinding) {
  const auto list = explain("", 80, false);
  ASSERT_TRUE(list);
  for (const FindingKind& kind : finding_kinds()) {
    const std::string id(kind.id);
    EXPECT_THAT("\n" + *list, HasSubstr("\n  " + id + " ")) << id;
    const auto text = explain(id, 80, false);
    ASSERT_TRUE(text) << id;
    EXPECT_THAT(*text, StartsWith(wrap(kind.title, 80, id + ": ", "  ") + "\nWhat it means. "));
    for (const char* part : {"What it means.", "How it is decided.", "How to mend it."})
      EXPECT_THAT(*text, HasSubstr(part)) << id;
  }
}

TEST(Explain, KnowsTheKindsOfLostEvents) {
  const std::string list = explain("", 80, false).value();
  for (const std::string_view kind : kLossNames) {
    EXPECT_THAT("\n" + list, HasSubstr(fmt::format("\n  {} ", kind)));
    EXPECT_THAT(explain(std::string(kind), 80, false).value(), StartsWith(fmt::format("{}: Not counted: ", kind)));
  }
  EXPECT_THAT(explain("stale-slot", 80, false).value(), HasSubstr("rates are too low by the"));
}

TEST(Explain, KeepsToTheWidthAndHasNoMarkdown) {
  std::vector<std::string> topics = {"", "json", "which-disk-to-choose", "stale_slot", "lock_wait"};
  for (const FindingKind& kind : finding_kinds()) topics.emplace_back(kind.id);
  for (const std::size_t width : {60U, 80U}) {
    for (const std::string& topic : topics) {
      const std::string text = explain(topic, width, false).value();
      EXPECT_THAT(text, Not(HasSubstr("**"))) << topic;
      EXPECT_THAT(text, Not(HasSubstr("](#"))) << topic;
      EXPECT_THAT(text, Not(HasSubstr("|---"))) << topic;
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);)
        if (line.find(' ', line.find_first_not_of(' ')) != std::string::npos && !line.starts_with("    ")) {
          EXPECT_LE(line.size(), width) << line;
        }
    }
  }
}

TEST(Explain, SaysWhereLinksLead) {
  EXPECT_THAT(explain("single_queue", 80, false).value(), HasSubstr("See also:\n  vqscope explain "));
}

TEST(Explain, TakesOtherSpellings) {
  EXPECT_EQ(explain("Which disk to choose", 80, false).value(), explain("which-disk-to-choose", 80, false).value());
  EXPECT_EQ(explain("JSON", 80, false).value(), explain("json", 80, false).value());
  EXPECT_EQ(explain("single-queue", 80, false).value(), explain("single_queue", 80, false).value());
}

TEST(Explain, OfSomethingElseSaysWhatMayBeMeant) {
  const auto near = explain("singel_queue", 80, false);
  ASSERT_FALSE(near);
  EXPECT_EQ(near.error().message, "there is no finding 'singel_queue'; did you mean 'single_queue'?");
  const auto far = explain("weather", 80, false);
  ASSERT_FALSE(far);
  EXPECT_EQ(far.error().message, "there is no finding 'weather'; 'vqscope explain' lists those that there are");
}

}  // namespace
}  // namespace vqscope
