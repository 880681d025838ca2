// SPDX-License-Identifier: Apache-2.0
// What can be told of rights without root; tests/e2e/rights_test.py does the rest. Each part that cannot be taken back
// runs in a child.
#include "agent/commands/serve/rights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "agent/base/sanitized.h"
#include "agent/base/text.h"

namespace vqscope {
namespace {

using ::testing::HasSubstr;

std::string status_line(std::string_view key) {
  const std::string text = read_file("/proc/self/status").value_or("");
  for (const std::string_view line : split(text, "\n"))
    if (line.starts_with(key)) return std::string(trim(line.substr(key.size())));
  return "absent";
}

TEST(Account, IsFoundByNameAndByNumber) {
  const passwd* own = ::getpwuid(0);
  ASSERT_NE(own, nullptr);
  for (const std::string& name : {std::string(own->pw_name), std::string("0")}) {
    const auto account = find_account(name);
    ASSERT_TRUE(account.has_value()) << account.error().message;
    EXPECT_EQ(account->name, name);
    EXPECT_EQ(account->uid, 0U);
    EXPECT_EQ(account->gid, own->pw_gid);
  }
}

TEST(Account, ThatDoesNotExistIsAnError) {
  for (const char* name : {"no-such-user-here", "4294967290", ""}) {
    const auto account = find_account(name);
    ASSERT_FALSE(account.has_value()) << name;
    EXPECT_THAT(account.error().message, HasSubstr(std::string("'") + name + "'"));
  }
}

TEST(Rights, AreGoneAfterwards) {
  EXPECT_EXIT(
      {
        const auto gave_up = give_up_rights(std::nullopt);
        const bool none = status_line("CapEff:") == "0000000000000000" &&
                          status_line("CapPrm:") == status_line("CapEff:") &&
                          status_line("CapAmb:") == status_line("CapEff:") && status_line("NoNewPrivs:") == "1";
        if (!gave_up) std::fputs(gave_up.error().message.c_str(), stderr);
        std::_Exit(gave_up && none ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "^$");
}

TEST(Rights, AreNotGivenUpWhileOtherThreadsKeepTheirs) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer may have threads of its own, so they are not counted";
  EXPECT_EXIT(
      {
        std::promise<void> end;
        std::thread other([&] { end.get_future().wait(); });
        const auto gave_up = give_up_rights(std::nullopt);
        end.set_value();
        other.join();
        std::fputs(gave_up ? "gave up" : gave_up.error().message.c_str(), stderr);
        std::_Exit(0);
      },
      ::testing::ExitedWithCode(0), "cannot give up rights: 2 threads run");
}

}  // namespace
}  // namespace vqscope
