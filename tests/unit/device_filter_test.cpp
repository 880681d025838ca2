// SPDX-License-Identifier: Apache-2.0
// --device-include and --device-exclude.
#include "agent/topology/device_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace vqscope {
namespace {

using ::testing::HasSubstr;

DeviceFilter filter(const std::string& include = "", const std::string& exclude = "") {
  auto result = DeviceFilter::create(include, exclude);
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

TEST(DeviceFilter, LeavesOutFilesAndMemoryByDefault) {
  const DeviceFilter devices = filter();
  for (const char* name : {"vda", "sda", "nvme0n1", "dm-0", "mmcblk0", "loopback", "ramses1"})
    EXPECT_TRUE(devices.accepts(name)) << name;
  for (const char* name : {"loop0", "loop12", "ram0", "zram1"}) EXPECT_FALSE(devices.accepts(name)) << name;
}

TEST(DeviceFilter, IncludesOnlyWhatMatches) {
  const DeviceFilter devices = filter("^(vd|loop)");
  EXPECT_TRUE(devices.accepts("vda"));
  EXPECT_TRUE(devices.accepts("loop0")) << "asked for";
  EXPECT_FALSE(devices.accepts("sda"));
}

TEST(DeviceFilter, ExcludesOnlyWhatMatches) {
  const DeviceFilter devices = filter("", "^vd[b-z]$");
  EXPECT_TRUE(devices.accepts("vda"));
  EXPECT_FALSE(devices.accepts("vdb"));
  EXPECT_TRUE(devices.accepts("loop0")) << "the default is replaced";
}

TEST(DeviceFilter, PatternsMatchAnywhereUnlessAnchored) {
  EXPECT_TRUE(filter("n1").accepts("nvme0n1"));
  EXPECT_FALSE(filter("^n1").accepts("nvme0n1"));
}

TEST(DeviceFilter, TwoPatternsOrABadOneAreErrors) {
  const auto both = DeviceFilter::create("a", "b");
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().message, HasSubstr("cannot be used together"));
  const auto include = DeviceFilter::create("vd[", "");
  ASSERT_FALSE(include);
  EXPECT_THAT(include.error().message, HasSubstr("--device-include='vd['"));
  const auto exclude = DeviceFilter::create("", "(?=x)");
  ASSERT_FALSE(exclude);
  EXPECT_THAT(exclude.error().message, HasSubstr("--device-exclude='(?=x)'"));
}

}  // namespace
}  // namespace vqscope
