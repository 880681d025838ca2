// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/turns.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <string>
#include <vector>

namespace vqscope {
namespace {

class TurnsTest : public testing::Test {
 protected:
  ~TurnsTest() override { turns_.stop(); }

  Turns::Place& place(const std::string& source) { return places_.emplace_back(source); }
  // As many of `source` as are answered at once.
  std::vector<Turns::Place*> take_all(const std::string& source) {
    std::vector<Turns::Place*> taken;
    for (std::size_t i = 0; i < Turns::kAtOnce; ++i) {
      bool begun = false;
      turns_.wait(place(source), [&begun] { begun = true; });
      EXPECT_TRUE(begun);
      taken.push_back(&places_.back());
    }
    return taken;
  }
  void wait(Turns::Place& place, const std::string& name) {
    ASSERT_FALSE(turns_.take(place));
    turns_.wait(place, [this, name] { begun_.push_back(name); });
  }

  using Names = std::vector<std::string>;
  // So long that only look() ends it.
  static constexpr std::chrono::hours kCounted{1};
  std::deque<Turns::Place> places_;
  Names begun_;
  Turns turns_{kCounted};
};

TEST_F(TurnsTest, SoManyAtOnceAndTheOthersInTheOrderInWhichTheyAsked) {
  const auto taken = take_all("a");
  wait(place("a"), "first");
  wait(place("a"), "second");
  turns_.end(*taken[0]);
  EXPECT_EQ(begun_, Names{"first"});
  turns_.end(*taken[0]);
  EXPECT_EQ(begun_, Names{"first"}) << "it was not its turn any more";
  turns_.end(*taken[1]);
  EXPECT_EQ(begun_, (Names{"first", "second"}));
}

TEST_F(TurnsTest, WhoeverWasAnsweredBeforeComesAfterThoseThatWereNot) {
  const auto taken = take_all("a");
  wait(place("a"), "new");
  turns_.end(*taken[0]);
  wait(*taken[0], "again");
  wait(place("a"), "newer");
  turns_.end(*taken[1]);
  turns_.end(*taken[2]);
  EXPECT_EQ(begun_, (Names{"new", "newer", "again"}));
}

TEST_F(TurnsTest, TheSourceThatIsAnsweredLeastComesFirst) {
  const auto taken = take_all("many");
  wait(place("many"), "of many");
  wait(place("few"), "of few");
  wait(place("few"), "of few, too");
  for (std::size_t i = 0; i < 3; ++i) turns_.end(*taken[i]);
  EXPECT_EQ(begun_, (Names{"of few", "of few, too", "of many"}));
}

TEST_F(TurnsTest, AmongEqualsTheSourceThatWasAnsweredLongestAgo) {
  const auto taken = take_all("busy");
  for (const std::string source : {"a", "b"})
    for (int i = 0; i < 2; ++i) wait(place(source), source);
  for (std::size_t i = 0; i < 4; ++i) turns_.end(*taken[i]);
  EXPECT_EQ(begun_, (Names{"a", "b", "a", "b"}));
}

TEST_F(TurnsTest, ATurnThatLastsDoesNotKeepOthersWaiting) {
  const auto taken = take_all("slow");
  wait(place("slow"), "next");
  turns_.look(Turns::Clock::now() + kCounted);
  EXPECT_EQ(begun_, Names{"next"});
  turns_.end(*taken[0]);  // as its answer is out at last
  wait(*taken[0], "again");
  EXPECT_EQ(begun_, (Names{"next", "again"}));
}

TEST_F(TurnsTest, WhoeverIsAloneNeedNotWaitAndTheNextComesAfterTheServersNextLook) {
  const auto begin = Turns::Clock::now(), end = begin + std::chrono::seconds(1);
  Turns::Place& alone = place("a");
  EXPECT_TRUE(turns_.take(alone, begin));
  EXPECT_FALSE(turns_.take(place("a"), end)) << "one has its turn";
  turns_.end(alone, end);
  EXPECT_FALSE(turns_.take(places_.back(), end)) << "one had its turn just now, however long ago it began";
  EXPECT_TRUE(turns_.take(place("b"), end + Turns::kPause));
  wait(place("a"), "next");
  EXPECT_EQ(begun_, Names{"next"});
}

TEST_F(TurnsTest, AtTheEndNobodyWaits) {
  take_all("a");
  wait(place("a"), "first");
  wait(place("b"), "second");
  turns_.stop();
  EXPECT_EQ(begun_.size(), 2U);
  EXPECT_TRUE(turns_.take(place("a")));
}

}  // namespace
}  // namespace vqscope
