// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/units.h"

#include <gtest/gtest.h>

#include <string>

namespace vqscope {
namespace {

TEST(Units, AreReadable) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(4), "4");
  EXPECT_EQ(format_count(1.234), "1.23");
  EXPECT_EQ(format_count(98.76), "98.8");
  EXPECT_EQ(format_count(999.7), "1,000");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_seconds(239e-9), "239 ns");
  EXPECT_EQ(format_seconds(412e-6), "412 us");
  EXPECT_EQ(format_seconds(0.00125), "1.25 ms");
  EXPECT_EQ(format_seconds(3.2), "3.20 s");
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(4096), "4.00 KiB");
  EXPECT_EQ(format_bytes(1.5 * (1 << 30)), "1.50 GiB");
  EXPECT_EQ(format_percent(1.648), "+64.8 %");
  EXPECT_EQ(format_percent(0.25), "-75.0 %");
  EXPECT_EQ(format_percent(12.4), "x 12.4");
  EXPECT_EQ(format_interval(0.88, 1.46), "-12..+46 %");
  EXPECT_EQ(format_interval(0.981, 1.02), "-1.9..+2.0 %");
  EXPECT_EQ(format_interval(0.6, 3.2), "x 0.60..x 3.20") << "not two ways of writing in one";
  EXPECT_EQ(format_interval(0.0044, 11.3), "x 0.0044..x 11.3");
  EXPECT_EQ(format_interval(12, 15.2), "x 12.0..x 15.2");
  EXPECT_EQ(format_more_seconds(-30e-6), "-30.0 us");
  EXPECT_EQ(format_times({{7, 7}, {9, 12}}), "7 s, 9 s to 12 s");
  EXPECT_EQ(format_times({{1, 1}, {3, 3}, {5, 5}, {7, 7}, {9, 9}, {11, 11}, {13, 13}}),
            "1 s, 3 s, 5 s, 7 s, 9 s and 2 more");
  EXPECT_EQ(format_seconds_interval(20e-6, 40e-6), "+20.0..+40.0 us");
  EXPECT_EQ(format_seconds_interval(-0.9e-6, 1.2e-6), "-900 ns..+1.20 us");
}

// As they are written, too.
TEST(Units, AnIntervalHoldsWhatItIsTheIntervalOf) {
  EXPECT_EQ(format_interval(0.00430, 0.00447), "-99.6..-99.6 %");
  const auto number = [](const std::string& text) { return std::stod(text.substr(text.starts_with("x ") ? 2 : 0)); };
  for (double ratio = 0.002; ratio < 2.5; ratio *= 1.07)
    for (const double width : {1.0001, 1.003, 1.02, 1.19}) {
      const double low = ratio / width, high = ratio * width;
      const std::string interval = format_interval(low, high);
      const auto middle = interval.find("..");
      const double value = number(format_percent(ratio));
      EXPECT_LE(number(interval.substr(0, middle)), value) << interval;
      EXPECT_GE(number(interval.substr(middle + 2)), value) << interval;
    }
}

}  // namespace
}  // namespace vqscope
