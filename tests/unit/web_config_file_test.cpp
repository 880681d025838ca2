// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/web_config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace vqscope {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

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

constexpr const char* kHash = "'$2y$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK'";

std::string users(const std::string& names) {
  std::string text = "basic_auth_users: {";
  for (const char name : names) text += std::string(1, name) + ": " + kHash + ", ";
  return text + "}\n";
}

TEST_F(WebConfigFileTest, UsersCanBeReplacedButNotAllBeTakenAway) {
  write(users("ab"));
  const auto file = WebConfigFile::create(path_);
  ASSERT_TRUE(file) << file.error().message;
  auto held = (*file)->current();
  ASSERT_TRUE(held->users);
  for (const std::string& none : {std::string(), std::string("basic_auth_users:\n"),
                                  std::string("basic_auth_users: {}\n"), std::string("{}\n"), std::string(kDeny)}) {
    write(none);
    EXPECT_EQ((*file)->current(), held) << none;
    (*file)->reload();
    EXPECT_EQ((*file)->current(), held) << none;
  }
  write(users("c") + kDeny);
  EXPECT_NE((*file)->current(), held);
  EXPECT_TRUE((*file)->current()->users);
}

TEST_F(WebConfigFileTest, UsersThatCameLaterStayToo) {
  write(kDeny);
  const auto file = WebConfigFile::create(path_);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_FALSE((*file)->current()->users);
  write(users("a"));
  EXPECT_TRUE((*file)->current()->users);
  write(kDeny);
  EXPECT_TRUE((*file)->current()->users);
}

TEST_F(WebConfigFileTest, OnlyARegularFileIsReadAndNothingIsWaitedFor) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const auto fifo = WebConfigFile::create(path_);
  ASSERT_FALSE(fifo);
  EXPECT_THAT(fifo.error().message, StartsWith(path_.string() + " is not a regular file"));
  EXPECT_FALSE(WebConfigFile::create(directory_));
  write("tls_server_config: {cert_file: pipe, key_file: pipe}");
  ASSERT_EQ(::mkfifo((directory_ / "pipe").c_str(), 0600), 0);
  const auto certificate = WebConfigFile::create(path_);
  ASSERT_FALSE(certificate);
  EXPECT_THAT(certificate.error().message, HasSubstr("pipe is not a regular file"));
}

TEST_F(WebConfigFileTest, WhatBecomesAPipeOrAFolderLeavesTheOldInForce) {
  write(users("a"));
  const auto file = WebConfigFile::create(path_);
  ASSERT_TRUE(file) << file.error().message;
  const auto held = (*file)->current();
  EXPECT_TRUE((*file)->check_readable());
  std::filesystem::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ((*file)->current(), held);
  EXPECT_FALSE((*file)->check_readable());
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_EQ((*file)->current(), held);
  std::filesystem::remove(path_);
  write(users("b"));
  EXPECT_NE((*file)->current(), held);
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
