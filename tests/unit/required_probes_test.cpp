// SPDX-License-Identifier: Apache-2.0
#include "agent/source/required_probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vqscope {
namespace {

TEST(RequiredProbes, OfAnotherAgentHaveToBeUp) {
  const std::vector<ProbeStatus> probes = {{"block", true, "", {}}, {"notify", false, "no fentry", {}}};
  EXPECT_TRUE(check_required({}, probes));
  EXPECT_TRUE(check_required({"block"}, probes));
  EXPECT_EQ(check_required({"block", "notify"}, probes).error().message,
            "the notify probe is required, and off in the agent at --url: no fentry");
  EXPECT_EQ(check_required({"lock"}, probes).error().message,
            "the lock probe is required, and the agent at --url has none of that name");
}

}  // namespace
}  // namespace vqscope
