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
  EXPECT_FALSE(reader_.shortage());
}

TEST_F(TreeReaderTest, WhatIsNotThereIsUnknownAndNoShortage) {
  const auto missing = folder_.path() / "missing";
  EXPECT_EQ(reader_.text(missing), std::nullopt);
  EXPECT_EQ(reader_.number<int>(missing), std::nullopt);
  EXPECT_EQ(reader_.head(missing, 2), std::nullopt);
  EXPECT_THAT(reader_.names(missing), IsEmpty());
  EXPECT_FALSE(reader_.shortage());
}

TEST_F(TreeReaderTest, WantOfDescriptorsIsAShortageWhateverIsRead) {
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
    ASSERT_TRUE(reader.shortage());
    EXPECT_EQ(reader.shortage()->code, EMFILE);
    EXPECT_THAT(reader.shortage()->message, HasSubstr(folder_.path().string()));
  }
}

TEST_F(TreeReaderTest, AShortageThatIsOverIsStillTold) {
  {
    const WithoutDescriptors none;
    EXPECT_EQ(reader_.trimmed(file_), std::nullopt);
  }
  EXPECT_EQ(reader_.trimmed(file_), "42");
  EXPECT_TRUE(reader_.shortage());
}

}  // namespace
}  // namespace vqscope
