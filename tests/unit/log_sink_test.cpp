// SPDX-License-Identifier: Apache-2.0
#include "agent/base/log_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>

#include "agent/base/fd.h"

namespace vqscope {
namespace {

class LogSinkTest : public ::testing::Test {
 protected:
  LogSinkTest() {
    int ends[2] = {};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    reader_ = Fd(ends[0]);
    writer_ = Fd(ends[1]);
    EXPECT_EQ(::fcntl(writer_.get(), F_SETFL, 0), 0);
    // Two pages: poll(2) calls it writable while one of them is empty.
    EXPECT_EQ(::fcntl(writer_.get(), F_SETPIPE_SZ, 8192), 8192);
  }

  static spdlog::logger logger(int fd) {
    auto sink = std::make_shared<LogSink>(fd);
    sink->set_formatter(std::make_unique<spdlog::pattern_formatter>("%l: %v"));
    return {"test", std::move(sink)};
  }

  // Takes what is in the pipe.
  std::string read() {
    std::string text(1 << 16, '\0');
    const ssize_t size = ::read(reader_.get(), text.data(), text.size());
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text;
  }

  Fd reader_, writer_;
};

TEST_F(LogSinkTest, WritesLineByLine) {
  auto log = logger(writer_.get());
  log.info("first");
  EXPECT_EQ(read(), "info: first\n");
  log.warn("second");
  log.info("third");
  EXPECT_EQ(read(), "warning: second\ninfo: third\n");
}

TEST_F(LogSinkTest, DoesNotWaitForAPipeThatNobodyReadsAndTellsWhatWasLost) {
  auto log = logger(writer_.get());
  const std::string kilobyte(1023 - std::string("info: ").size(), 'x');
  for (int i = 0; i < 10; ++i) log.info(kilobyte);
  EXPECT_EQ(read().size(), 5U * 1024);
  log.info("next");
  EXPECT_EQ(read(), "warning: 5 log messages could not be written: nobody read them\ninfo: next\n");
  log.info("and on");
  EXPECT_EQ(read(), "info: and on\n");
}

TEST_F(LogSinkTest, TellsOfASingleLineToo) {
  auto log = logger(writer_.get());
  log.info(std::string(8192 - std::string("info: \n").size(), 'x'));
  log.info("lost");
  read();
  log.info("next");
  EXPECT_EQ(read(), "warning: 1 log message could not be written: nobody read them\ninfo: next\n");
}

TEST_F(LogSinkTest, ALineThatBreaksOffIsEndedBeforeTheNext) {
  auto log = logger(writer_.get());
  const std::string longer(10000, 'x');
  log.info(longer);
  EXPECT_EQ(read(), ("info: " + longer).substr(0, 8192));
  log.info("next");
  EXPECT_EQ(read(), "\nwarning: 1 log message could not be written: nobody read them\ninfo: next\n");
}

TEST_F(LogSinkTest, AFullDiskIsNoFailure) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  auto log = logger(full.get());
  log.info("lost");
  log.info("lost too");
  ASSERT_EQ(::dup2(writer_.get(), full.get()), full.get());
  log.info("next");
  EXPECT_EQ(read(), "warning: 2 log messages could not be written: No space left on device\ninfo: next\n");
}

TEST_F(LogSinkTest, AReaderThatIsGoneIsNoFailure) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  auto log = logger(writer_.get());
  reader_ = Fd();
  log.info("lost");
  int ends[2] = {};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  reader_ = Fd(ends[0]);
  const Fd writer(ends[1]);
  ASSERT_EQ(::dup2(writer.get(), writer_.get()), writer_.get());
  log.info("next");
  EXPECT_EQ(read(), "warning: 1 log message could not be written: Broken pipe\ninfo: next\n");
  std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace vqscope
