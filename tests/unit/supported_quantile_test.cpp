// SPDX-License-Identifier: Apache-2.0
#include "agent/model/supported_quantile.h"

#include <gtest/gtest.h>

#include "agent/model/window.h"

namespace vqscope {
namespace {

TEST(SupportedQuantile, NeedsTenBeyondIt) {
  for (const auto& [q, fewest] : {std::pair(0.5, 20U), {0.95, 200U}, {0.99, 1000U}, {0.999, 10000U}, {0.01, 1000U}}) {
    Histogram histogram;
    histogram.set(60, fewest - 1);
    EXPECT_EQ(supported_quantile(histogram, q), std::nullopt) << q;
    histogram.set(60, fewest);
    EXPECT_EQ(supported_quantile(histogram, q), quantile(histogram, q)) << q;
    EXPECT_TRUE(supported_quantile(histogram, q)) << q;
  }
}

}  // namespace
}  // namespace vqscope
