// SPDX-License-Identifier: Apache-2.0
#include "exporters/page/step_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace vqscope {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::size_t kAll = 1'000'000;

void add(StepHistory& history, std::uint64_t second, const std::string& text) {
  history.add(second * kSecond, pack(text));
}

std::vector<std::string> texts_after(const StepHistory& history, std::uint64_t after, std::size_t most = kAll) {
  std::vector<std::string> texts = history.after(after, most);
  for (std::string& text : texts) text = unpack(text);
  return texts;
}

TEST(StepHistory, UnpacksWhatWasPacked) {
  std::mt19937_64 random(3);
  for (const std::size_t size : {0U, 1U, 5U, 16384U, 16385U, 300'000U}) {
    std::string text(size, 'x');
    for (char& c : text) c = static_cast<char>(random() % 7);
    EXPECT_EQ(unpack(pack(text)), text) << size;
  }
}

TEST(StepHistory, GivesWhatCameAfterAnEntry) {
  StepHistory history;
  EXPECT_EQ(history.newest(), 0U);
  EXPECT_THAT(texts_after(history, 0), IsEmpty());
  EXPECT_EQ(history.last_after(0, kAll), 0U);
  for (std::uint64_t i = 1; i <= 4; ++i) add(history, i, std::to_string(i));
  EXPECT_THAT(texts_after(history, 0), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(texts_after(history, 2), ElementsAre("3", "4"));
  EXPECT_THAT(texts_after(history, 1, 2), ElementsAre("2", "3"));
  EXPECT_EQ(history.last_after(1, 2), 3U);
  EXPECT_THAT(texts_after(history, 4), IsEmpty());
  EXPECT_EQ(history.last_after(4, kAll), 4U);
}

TEST(StepHistory, ForgetsWhatIsOlderThanItSpan) {
  StepHistory history;
  for (std::uint64_t i = 1; i <= kHistorySeconds + 10; ++i) add(history, i, std::to_string(i));
  const auto texts = texts_after(history, 0);
  EXPECT_THAT(texts, SizeIs(kHistorySeconds));
  EXPECT_EQ(texts.front(), "11");
  EXPECT_EQ(history.newest(), kHistorySeconds + 10);
  // Whoever has an entry that is forgotten gets what there is.
  EXPECT_EQ(texts_after(history, 5, 1).front(), "11");
  EXPECT_EQ(history.last_after(5, 1), 11U);
}

TEST(StepHistory, ForgetsAllOfWhatWasBeforeALongPause) {
  StepHistory history;
  for (std::uint64_t i = 1; i <= 5; ++i) add(history, i, "old");
  add(history, 10'000, "new");
  EXPECT_THAT(texts_after(history, 0), ElementsAre("new"));
  EXPECT_THAT(texts_after(history, 4), ElementsAre("new"));
  EXPECT_EQ(history.newest(), 6U);
}

TEST(StepHistory, TakesNoMoreThanItsBytesWhateverIsAdded) {
  StepHistory history;
  std::mt19937_64 random(5);
  std::size_t most = 0;
  for (std::uint64_t i = 1; i <= 400; ++i) {
    std::string text(60'000, '\0');  // more than a second's share, and nothing in it repeats
    for (char& c : text) c = static_cast<char>(random());
    add(history, i, text);
    EXPECT_LE(history.bytes(), kMostHistoryBytes);
    most = std::max(most, history.bytes());
  }
  EXPECT_GT(most, kMostHistoryBytes / 2);
  EXPECT_GT(history.after(0, kAll).size(), 100U);
  history.add(401 * kSecond, std::string(2 * kMostHistoryBytes, 'x'));
  EXPECT_EQ(history.bytes(), 0U);
  EXPECT_THAT(texts_after(history, 0), IsEmpty());
}

}  // namespace
}  // namespace vqscope
