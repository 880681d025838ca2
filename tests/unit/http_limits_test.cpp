// SPDX-License-Identifier: Apache-2.0
// limits.h and unread.h: what keeps clients from taking all descriptors and all memory.
#include <gtest/gtest.h>

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

TEST(UnreadBodies, HoldsABodyOnceHoweverManyReadIt) {
  UnreadBodies bodies(10);
  const Body body("12345678");
  const auto first = bodies.hold(body), second = bodies.hold(body);
  EXPECT_EQ(first, second);
  EXPECT_EQ(first->body()->bytes(), "12345678");
}

TEST(UnreadBodies, TheOldestMakesRoom) {
  UnreadBodies bodies(10);
  const auto a = bodies.hold("1234"), b = bodies.hold("1234");
  EXPECT_TRUE(a->body() && b->body());
  const auto c = bodies.hold("123");
  EXPECT_FALSE(a->body());
  EXPECT_TRUE(b->body());
  EXPECT_EQ(c->body()->bytes(), "123");
}

TEST(UnreadBodies, WhatWasReadTakesNoRoom) {
  UnreadBodies bodies(10);
  const auto kept = bodies.hold("12345");
  for (int i = 0; i < 100; ++i) bodies.hold("12345");
  EXPECT_TRUE(kept->body());
}

TEST(UnreadBodies, ABodyThatIsTooLargeIsHeldAlone) {
  UnreadBodies bodies(10);
  const auto small = bodies.hold("1");
  const auto large = bodies.hold(std::string(1000, 'x'));
  EXPECT_FALSE(small->body());
  EXPECT_TRUE(large->body());
  const auto next = bodies.hold("1");
  EXPECT_FALSE(large->body());
  EXPECT_TRUE(next->body());
}

TEST(UnreadBodies, NeverHoldsMoreThanItMay) {
  UnreadBodies bodies(1000);
  std::vector<std::shared_ptr<UnreadBody>> readers;
  for (std::size_t i = 0; i < 500; ++i) {
    readers.push_back(bodies.hold(std::string(i % 97, 'x')));
    std::size_t held = 0;
    for (const auto& reader : readers)
      if (const auto body = reader->body()) held += body->bytes().size();
    ASSERT_LE(held, 1000U);
    ASSERT_TRUE(readers.back()->body());
  }
}

}  // namespace
}  // namespace vqscope
