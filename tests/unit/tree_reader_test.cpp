// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/tree_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>
#include <functional>

#include "agent/base/fd.h"
#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// No descriptor can be opened while it lives.
class WithoutDescriptors {
 public:
  WithoutDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const Fd lowest_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const rlimit none = {static_cast<rlim_t>(lowest_free.get()), before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  WithoutDescriptors(const WithoutDescriptors&) = delete;
  WithoutDescriptors& operator=(const WithoutDescriptors&) = delete;
  ~WithoutDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_ = {};
};

class TreeReaderTest : public ::testing::Test {
 protected:
  TreeReaderTest() { std::ofstream(file_) << " 42\n"; }

  test::TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "file";
  TreeReader reader_;
};

TEST_F(TreeReaderTest, ReadsWhatIsThere) {
  EXPECT_EQ(reader_.text(file_), " 42\n");
  EXPECT_EQ(reader_.trimmed(file_), "42");
  EXPECT_EQ(reader_.number<int>(file_), 42);
  EXPECT_EQ(reader_.head(file_, 2), " 4");
  EXPECT_EQ(reader_.head(file_, 100), " 42\n");
  EXPECT_THAT(reader_.names(folder_.path()), ElementsAre("file"));
  EXPECT_FALSE(reader_.failure());
}

TEST_F(TreeReaderTest, WhatIsNotThereIsUnknownAndNoFailure) {
  const auto missing = folder_.path() / "missing";
  EXPECT_EQ(reader_.text(missing), std::nullopt);
  EXPECT_EQ(reader_.number<int>(missing), std::nullopt);
  EXPECT_EQ(reader_.head(missing, 2), std::nullopt);
  EXPECT_THAT(reader_.names(missing), IsEmpty());
  EXPECT_FALSE(reader_.failure());
}

TEST_F(TreeReaderTest, WhatIsEssentialMayBeGoneButNotUnreadable) {
  const auto missing = folder_.path() / "missing";
  EXPECT_EQ(reader_.essential_number<int>(missing), std::nullopt);
  EXPECT_EQ(reader_.essential_path(missing), std::nullopt);
  EXPECT_THAT(reader_.essential_names(missing), IsEmpty());
  EXPECT_THAT(reader_.essential_names(file_), IsEmpty());  // ENOTDIR: not a disk's any more
  EXPECT_FALSE(reader_.failure());
  EXPECT_EQ(reader_.essential_number<int>(file_), 42);
  EXPECT_EQ(reader_.essential_path(folder_.path() / "." / "file"), std::filesystem::canonical(file_));
  EXPECT_THAT(reader_.essential_names(folder_.path()), ElementsAre("file"));
  EXPECT_FALSE(reader_.failure());

  // EISDIR, and links that lead to each other: ELOOP.
  std::filesystem::create_symlink("loop", folder_.path() / "loop");
  const std::function<void(TreeReader&)> reads[] = {
      [&](TreeReader& reader) { EXPECT_EQ(reader.essential_number<int>(folder_.path()), std::nullopt); },
      [&](TreeReader& reader) { EXPECT_EQ(reader.essential_path(folder_.path() / "loop"), std::nullopt); },
      [&](TreeReader& reader) { EXPECT_THAT(reader.essential_names(folder_.path() / "loop"), IsEmpty()); },
  };
  for (const auto& read : reads) {
    TreeReader reader;
    read(reader);
    ASSERT_TRUE(reader.failure());
    EXPECT_THAT(reader.failure()->message, HasSubstr(folder_.path().string()));
  }
}

TEST_F(TreeReaderTest, WantOfDescriptorsIsAFailureWhateverIsRead) {
  const std::function<void(TreeReader&)> reads[] = {
      [&](TreeReader& reader) { EXPECT_EQ(reader.text(file_), std::nullopt); },
      [&](TreeReader& reader) { EXPECT_EQ(reader.trimmed(file_), std::nullopt); },
      [&](TreeReader& reader) { EXPECT_EQ(reader.number<int>(file_), std::nullopt); },
      [&](TreeReader& reader) { EXPECT_EQ(reader.head(file_, 2), std::nullopt); },
      // No matcher: the sanitizer takes a descriptor to look at an object of a class with virtual functions.
      [&](TreeReader& reader) { EXPECT_TRUE(reader.names(folder_.path()).empty()); },
  };
  for (const auto& read : reads) {
    TreeReader reader;
    {
      const WithoutDescriptors none;
      read(reader);
    }
    ASSERT_TRUE(reader.failure());
    EXPECT_EQ(reader.failure()->code, EMFILE);
    EXPECT_THAT(reader.failure()->message, HasSubstr(folder_.path().string()));
  }
}

TEST_F(TreeReaderTest, AFailureThatIsOverIsStillTold) {
  {
    const WithoutDescriptors none;
    EXPECT_EQ(reader_.trimmed(file_), std::nullopt);
  }
  EXPECT_EQ(reader_.trimmed(file_), "42");
  EXPECT_TRUE(reader_.failure());
}

}  // namespace
}  // namespace vqscope
