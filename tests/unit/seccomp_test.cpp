// SPDX-License-Identifier: Apache-2.0
// What a process behind the filter can and cannot do; each in a child of its own.
#include "agent/commands/serve/seccomp.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <thread>

#include "agent/base/sanitized.h"
#include "agent/base/text.h"

namespace vqscope {
namespace {

class Seccomp : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "system calls are not restricted in a build with sanitizers";
  }
};

// 0 if `action` succeeds behind the filter, else its errno; ends the process.
[[noreturn]] void behind_filter(const std::function<bool()>& action, FilesAtEnd at_end = FilesAtEnd::kStay) {
  if (const auto restricted = restrict_system_calls(at_end); !restricted) {
    std::fputs(restricted.error().message.c_str(), stderr);
    ::_exit(255);
  }
  errno = 0;
  ::_exit(action() ? 0 : errno);
}

void expect(int status, const std::function<bool()>& action) {
  EXPECT_EXIT(behind_filter(action), ::testing::ExitedWithCode(status), "^$");
}

void expect_death(const std::function<bool()>& action) {
  EXPECT_EXIT(behind_filter(action), ::testing::KilledBySignal(SIGSYS), "^$");
}

TEST_F(Seccomp, LetsFilesBeReadAndListed) {
  expect(0, [] { return ::open("/proc/stat", O_RDONLY | O_CLOEXEC) >= 0; });
  expect(0, [] { return read_file("/proc/stat").has_value(); });
  expect(0, [] { return !list_directory("/proc/self/fd").empty(); });
  expect(0, [] { return std::filesystem::exists("/proc/self/exe") && !std::filesystem::canonical("/proc").empty(); });
}

TEST_F(Seccomp, LetsFilesBeRemovedOnlyWhereThereAreSocketsOfOurOwn) {
  EXPECT_EXIT(behind_filter([] { return ::unlink("/tmp/vqscope-no-such-file") == 0; }, FilesAtEnd::kAreRemoved),
              ::testing::ExitedWithCode(ENOENT), "^$");
}

TEST_F(Seccomp, LetsNoFileBeWrittenOrMade) {
  for (const int flags :
       {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_WRONLY | O_CREAT, O_TMPFILE | O_RDWR})
    expect(ENOSYS, [flags] { return ::open("/tmp", flags, 0600) >= 0; });
  expect(ENOSYS, [] { return ::unlink("/tmp/vqscope-no-such-file") == 0; });
  expect(ENOSYS, [] { return ::rename("/tmp/vqscope-no-such-file", "/tmp/vqscope-other") == 0; });
}

TEST_F(Seccomp, LetsThreadsBeStartedButNoProcesses) {
  expect(0, [] {
    int seen = 0;
    std::thread([&seen] { seen = 1; }).join();
    return seen == 1;
  });
  expect(ENOSYS, [] { return ::fork() >= 0; });
}

TEST_F(Seccomp, HoldsInThreadsToo) {
  expect(ENOSYS, [] {
    int code = 0;
    std::thread([&code] { code = ::socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno; }).join();
    errno = code;
    return code == 0;
  });
}

TEST_F(Seccomp, LetsNoSocketBeMadeButTheServiceManagers) {
  expect(0, [] { return ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0; });
  for (const int family : {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET})
    expect(ENOSYS, [family] { return ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0; });
  expect(ENOSYS, [] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0; });
  expect(ENOSYS, [] { return ::syscall(SYS_connect, 0, nullptr, 0) == 0; });
}

TEST_F(Seccomp, LetsNoMemoryBeExecutable) {
  expect(0, [] {
    return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
  });
  expect(ENOSYS,
         [] { return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED; });
  expect(ENOSYS, [] {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return ::mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
  });
}

TEST_F(Seccomp, EndsAProcessThatDoesWhatOnlyAnIntruderDoes) {
  expect_death([] { return ::execl("/bin/true", "true", nullptr) == 0; });
  for (const long call : {SYS_bpf, SYS_ptrace, SYS_setuid, SYS_unshare, SYS_mount, SYS_perf_event_open, SYS_keyctl,
                          SYS_capset, SYS_process_vm_readv, SYS_init_module})
    expect_death([call] { return ::syscall(call, 0, 0, 0, 0, 0) >= 0; });
}

TEST_F(Seccomp, AnswersCallsThatItDoesNotKnow) {
  expect(ENOSYS, [] { return ::syscall(100000) >= 0; });
}

TEST_F(Seccomp, LetsAbortEndTheProcessAsEver) {
  EXPECT_EXIT(behind_filter([]() -> bool { std::abort(); }), ::testing::KilledBySignal(SIGABRT), "^$");
}

TEST(SeccompOfSanitizedBuilds, IsRefusedWithTheReason) {
  if (!kSanitized) GTEST_SKIP() << "this build has no sanitizers";
  const auto restricted = restrict_system_calls();
  ASSERT_FALSE(restricted.has_value());
  EXPECT_THAT(restricted.error().message, ::testing::HasSubstr("sanitizers"));
}

}  // namespace
}  // namespace vqscope
