// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/web_config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace vqscope {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class WebConfigFileTest : public testing::Test {
 protected:
  WebConfigFileTest() {
    std::string name = testing::TempDir() + "vqscope-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    path_ = directory_ / "web.yml";
  }
  ~WebConfigFileTest() override { std::filesystem::remove_all(directory_); }

  // A new file each time, as a rename makes it: whatever the clock says, it is another one.
  void write(const std::string& text) {
    const auto fresh = directory_ / "fresh";
    std::ofstream(fresh) << text;
    std::filesystem::rename(fresh, path_);
  }

  std::filesystem::path directory_, path_;
};

constexpr const char* kDeny = "http_server_config: {headers: {X-Frame-Options: deny}}\n";
constexpr const char* kSame = "http_server_config: {headers: {X-Frame-Options: sameorigin}}\n";

TEST_F(WebConfigFileTest, IsReadAgainWhenItChangesAndOnlyThen) {
  write(kDeny);
  const auto file = WebConfigFile::create(path_);
  ASSERT_TRUE(file) << file.error().message;
  const auto first = (*file)->current();
  EXPECT_THAT(first->headers, ElementsAre(Pair("X-Frame-Options", "deny")));
  EXPECT_EQ((*file)->current(), first) << "read again without a change";
  write(kSame);
  const auto second = (*file)->current();
  EXPECT_THAT(second->headers, ElementsAre(Pair("X-Frame-Options", "sameorigin")));
  EXPECT_EQ((*file)->current(), second);
}

TEST_F(WebConfigFileTest, WhatCannotBeUsedLeavesTheOldInForceUntilItIsMended) {
  write(kDeny);
  const auto file = WebConfigFile::create(path_);
  ASSERT_TRUE(file) << file.error().message;
  const auto first = (*file)->current();
  write("nonsense: [");
  EXPECT_EQ((*file)->current(), first);
  std::filesystem::remove(path_);
  EXPECT_EQ((*file)->current(), first);
  write("tls_server_config: {cert_file: none.pem, key_file: none.key}");
  EXPECT_EQ((*file)->current(), first);
  write(kSame);
  EXPECT_THAT((*file)->current()->headers, ElementsAre(Pair("X-Frame-Options", "sameorigin")));
}

TEST_F(WebConfigFileTest, RelativePathsAreBesideIt) {
  write("tls_server_config: {cert_file: a/cert.pem, key_file: /no/key.pem}");
  const auto missing = WebConfigFile::create(path_);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message,
              AllOf(HasSubstr(path_.string()), HasSubstr("cannot open " + (directory_ / "a/cert.pem").string())));
}

}  // namespace
}  // namespace vqscope
