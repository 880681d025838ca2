// SPDX-License-Identifier: Apache-2.0
// limits.h and unread.h: what keeps clients from taking all descriptors and all memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "exporters/http/limits.h"
#include "exporters/http/unread.h"

namespace vqscope {
namespace {

TEST(MostConnections, LeavesDescriptorsForEverythingElse) {
  EXPECT_EQ(most_connections(1024), 768U);
  for (std::uint64_t descriptors : {64U, 256U, 512U, 1024U, 20'000U, 1'048'576U})
    EXPECT_LE(most_connections(descriptors), descriptors / 2 + descriptors / 4) << descriptors;
}

TEST(MostConnections, IsBoundedHoweverManyDescriptorsThereAre) {
  EXPECT_EQ(most_connections(1 << 20), 4000U);
  EXPECT_EQ(most_connections(~std::uint64_t{0}), 4000U);
}

TEST(MostConnections, AThousandAtOnceFitTheUsualHardLimit) { EXPECT_GT(most_connections(4096), 1000U); }

TEST(MostConnections, IsNeverNone) {
  EXPECT_EQ(most_connections(0), 2U);
  EXPECT_EQ(most_connections(4), 2U);
}

class UnreadBodiesTest : public testing::Test {
 protected:
  // Somebody who is only told apart from others.
  UnreadBodies::Reader reader() { return reinterpret_cast<UnreadBodies::Reader>(&people_.emplace_back()); }
  UnreadBodies::Reader read(const Body& body) {
    const auto one = reader();
    bodies_.begin(one, body);
    return one;
  }

  using Readers = std::vector<UnreadBodies::Reader>;
  std::deque<char> people_;
  Readers ended_;
  UnreadBodies bodies_{10, [this](UnreadBodies::Reader reader) { ended_.push_back(reader); }};
};

TEST_F(UnreadBodiesTest, CountsABodyOnceHoweverManyReadItAndUntilTheLastHas) {
  const Body body("12345678");
  const auto first = read(body), second = read(body);
  EXPECT_EQ(bodies_.bytes(), 8U);
  bodies_.end(first);
  bodies_.end(first);
  EXPECT_EQ(bodies_.bytes(), 8U);
  bodies_.end(second);
  EXPECT_EQ(bodies_.bytes(), 0U);
}

TEST_F(UnreadBodiesTest, AllWhoReadTheOldestMakeRoom) {
  const Body a("1234"), b("1234"), c("123");
  const auto one = read(a);
  read(b);
  const auto other = read(a);
  EXPECT_TRUE(ended_.empty());
  read(c);
  EXPECT_EQ(std::set(ended_.begin(), ended_.end()), (std::set{one, other}));
  EXPECT_EQ(bodies_.bytes(), 7U);
  bodies_.end(one);  // as its connection is gone at last
  EXPECT_EQ(bodies_.bytes(), 7U);
}

TEST_F(UnreadBodiesTest, WhatWasReadTakesNoRoom) {
  const Body kept("12345"), next("12345");
  read(kept);
  for (int i = 0; i < 100; ++i) bodies_.end(read(next));
  EXPECT_TRUE(ended_.empty());
}

TEST_F(UnreadBodiesTest, ABodyThatIsTooLargeIsReadAlone) {
  const Body small("1"), large(std::string(1000, 'x')), next("1");
  const auto first = read(small), second = read(large);
  EXPECT_EQ(ended_, Readers{first});
  read(next);
  EXPECT_EQ(ended_, (Readers{first, second}));
}

TEST_F(UnreadBodiesTest, NeverHoldsMoreThanItMay) {
  std::vector<Body> bodies;
  for (std::size_t i = 0; i < 500; ++i) {
    bodies.emplace_back(std::string(i % 11, 'x'));
    const auto reader = read(bodies.back());
    ASSERT_LE(bodies_.bytes(), 10U);
    ASSERT_EQ(std::count(ended_.begin(), ended_.end(), reader), 0);
  }
}

}  // namespace
}  // namespace vqscope
