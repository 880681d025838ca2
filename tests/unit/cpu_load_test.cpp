// SPDX-License-Identifier: Apache-2.0
#include "agent/model/cpu_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vqscope {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(EachCpu, IsReadByItsNumber) {
  const auto cpus =
      parse_each_cpu("cpu  9 9 9 90 9 9 9 9 0 0\ncpu0 1 2 3 40 5 6 7 8 0 0\ncpu2 0 0 0 7 0 0 0 0 0 0\nintr 5\n");
  EXPECT_THAT(cpus, ElementsAre(CpuUse{3, 3, 6, 7, 40, 5, 8}, std::nullopt, CpuUse{0, 0, 0, 0, 7, 0, 0}));
}

TEST(EachCpu, OfLinesThatMakeNoSenseIsNone) {
  EXPECT_THAT(parse_each_cpu("cpu0\ncpu0 1 2\ncpu0 a b c d e f g h\ncpux 1 2 3 4 5 6 7 8\ncpu99999 1 2 3 4 5 6 7 8\n"),
              ElementsAre(std::nullopt));
}

TEST(FullCpus, HadWorkForMoreThanNineteenTwentieths) {
  const auto full = full_cpus("cpu0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0\ncpu2 5 5 5 5 5 5 5 5\n",
                              "cpu0 300 100 500 20 20 10 30 20\ncpu1 500 0 440 30 30 0 0 0\ncpu2 5 5 5 5 5 5 5 5\n");
  ASSERT_EQ(full.size(), 1U);
  EXPECT_EQ(full[0].cpu, 0U);
  EXPECT_NEAR(full[0].busy, 0.94, 1e-9);
  EXPECT_NEAR(full[0].stolen, 0.02, 1e-9);
}

TEST(FullCpus, NeedTicksEnoughForAShareAndAReadingOnBothSides) {
  EXPECT_THAT(full_cpus("cpu0 0 0 0 0 0 0 0 0\n", "cpu0 49 0 0 0 0 0 0 0\n"), IsEmpty());
  EXPECT_EQ(full_cpus("cpu0 0 0 0 0 0 0 0 0\n", "cpu0 50 0 0 0 0 0 0 0\n").size(), 1U);
  EXPECT_THAT(full_cpus("", "cpu0 50 0 0 0 0 0 0 0\n"), IsEmpty());
  EXPECT_THAT(full_cpus("cpu0 0 0 0 0 0 0 0 0\n", ""), IsEmpty());
}

}  // namespace
}  // namespace vqscope
