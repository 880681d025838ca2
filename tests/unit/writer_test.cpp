// SPDX-License-Identifier: Apache-2.0
// Which files a recording is written to, and which are left alone.
#include "agent/recording/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "agent/commands/compare/sides.h"
#include "recorder.h"

namespace vqscope {
namespace {

using test::Recorder;
using ::testing::HasSubstr;

TEST(RecordingWriter, LeavesAFileThatExistsAloneUnlessToldToAppend) {
  Recorder recorder(1);
  const auto path = recorder.record(3, 1000, 1000).save();
  EXPECT_THAT(RecordingWriter::create(path, false).error().message, HasSubstr("exists"));
  {
    auto writer = RecordingWriter::create(path, true);
    ASSERT_TRUE(writer) << writer.error().message;
    EXPECT_EQ(writer->cut_off(), 0U);
    EXPECT_THAT(RecordingWriter::create(path, true).error().message, HasSubstr("another vqscope records to"));
    ASSERT_TRUE(writer->write(recorder.bytes()));
    ASSERT_TRUE(writer->finish());
  }
  EXPECT_EQ(count_segments(path), 2U);
}

TEST(RecordingWriter, CutsOffATornEndAndNothingElse) {
  Recorder recorder(1);
  const auto path = recorder.record(3, 1000, 1000).save();
  const auto size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size - 1);
  {
    auto writer = RecordingWriter::create(path, true);
    ASSERT_TRUE(writer) << writer.error().message;
    EXPECT_GT(writer->cut_off(), 0U);
    EXPECT_EQ(std::filesystem::file_size(path), size - 1 - writer->cut_off());
    ASSERT_TRUE(writer->write(recorder.bytes()));
  }
  EXPECT_EQ(count_segments(path), 2U);
}

TEST(RecordingWriter, AppendsToNothingButASoundRecording) {
  test::TemporaryFolder folder;
  const auto foreign = folder.path() / "foreign";
  std::ofstream(foreign) << "notes that somebody needs";
  EXPECT_THAT(RecordingWriter::create(foreign, true).error().message, HasSubstr("is not a recording of vqscope"));
  EXPECT_EQ(std::filesystem::file_size(foreign), 25U);

  Recorder recorder(1);
  std::string bytes = recorder.record(5, 1000, 1000).bytes();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  const auto damaged = folder.path() / "damaged";
  std::ofstream(damaged, std::ios::binary) << bytes;
  EXPECT_THAT(RecordingWriter::create(damaged, true).error().message, HasSubstr("is damaged after"));
  EXPECT_EQ(std::filesystem::file_size(damaged), bytes.size());
}

TEST(RecordingWriter, LeavesNoEmptyFileBehind) {
  test::TemporaryFolder folder;
  const auto path = folder.path() / "new";
  { ASSERT_TRUE(RecordingWriter::create(path, false)); }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_THAT(RecordingWriter::create(folder.path() / "no/such", false).error().message, HasSubstr("cannot create"));
  EXPECT_FALSE(RecordingWriter::create(folder.path(), true));
}

}  // namespace
}  // namespace vqscope
