// SPDX-License-Identifier: Apache-2.0
#include "agent/source/required_probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vqscope {
namespace {

TEST(RequiredProbes, OfAnotherAgentHaveToBeUp) {
  const std::vector<ProbeStatus> probes = {{"block", true, "", {}}, {"notify", false, "no fentry", {}}};
  EXPECT_TRUE(check_required({}, probes, "db1.vqr"));
  EXPECT_TRUE(check_required({"block"}, probes, "db1.vqr"));
  EXPECT_EQ(check_required({"block", "notify"}, probes, "db1.vqr").error().message,
            "the notify probe is required, and off in db1.vqr: no fentry");
  EXPECT_EQ(check_required({"lock"}, probes, "db1.vqr").error().message,
            "the lock probe is required, and there is none of that name in db1.vqr");
}

}  // namespace
}  // namespace vqscope
