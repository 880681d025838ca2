// SPDX-License-Identifier: Apache-2.0
#include "agent/base/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <optional>
#include <string>

#include "agent/base/fd.h"

namespace vqscope {
namespace {

// The far end of a pseudo-terminal.
class Terminal {
 public:
  Terminal() : near_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    if (near_ && ::grantpt(near_.get()) == 0 && ::unlockpt(near_.get()) == 0)
      far_ = Fd(::open(::ptsname(near_.get()), O_RDWR | O_NOCTTY));
  }
  [[nodiscard]] int fd() const { return far_.get(); }

 private:
  Fd near_, far_;
};

// An environment variable for the time of a test; null: not set.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    const char* const before = ::getenv(name);
    if (before != nullptr) before_ = before;
    value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(WantsColour, ATerminalThatShowsItAndNobodyWhoRefusesIt) {
  const Terminal terminal;
  ASSERT_GE(terminal.fd(), 0);
  const Variable no_colour("NO_COLOR", nullptr), kind("TERM", "xterm");
  EXPECT_TRUE(wants_colour(terminal.fd()));
  {
    const Variable refused("NO_COLOR", "1");
    EXPECT_FALSE(wants_colour(terminal.fd()));
  }
  {
    const Variable empty("NO_COLOR", "");
    EXPECT_TRUE(wants_colour(terminal.fd()));
  }
  for (const char* poor : {static_cast<const char*>(nullptr), "", "dumb"}) {
    const Variable other("TERM", poor);
    EXPECT_FALSE(wants_colour(terminal.fd()));
  }
}

TEST(WantsColour, NoFile) {
  const Variable no_colour("NO_COLOR", nullptr), kind("TERM", "xterm");
  const Fd file(::open("/dev/null", O_WRONLY));
  EXPECT_FALSE(wants_colour(file.get()));
  EXPECT_FALSE(wants_colour(-1));
}

TEST(Paint, LeavesTextAsItIsWithoutColour) {
  EXPECT_EQ(paint("worse", Paint::kRed, false), "worse");
  EXPECT_EQ(paint("worse", Paint::kRed, true), "\x1b[1;31mworse\x1b[0m");
}

}  // namespace
}  // namespace vqscope
