// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/seccomp.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <initializer_list>
#include <memory>

#include "agent/base/sanitized.h"

namespace vqscope {

namespace {

// Whatever their arguments.
constexpr int kAllowed[] = {
    // files and directories that exist
    SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(lseek), SCMP_SYS(_llseek),
    SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat), SCMP_SYS(fstat64),
    SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd),
    // waiting
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(eventfd2), SCMP_SYS(pipe2),
    SCMP_SYS(timerfd_settime), SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_rm_watch), SCMP_SYS(restart_syscall),
    // connections that were accepted
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
    SCMP_SYS(shutdown), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
    // memory, threads and signals
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq), SCMP_SYS(set_tid_address), SCMP_SYS(membarrier), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(exit), SCMP_SYS(exit_group),
    // time, chance, and who one is
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(getrusage), SCMP_SYS(getrandom), SCMP_SYS(getpid),
    SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getcpu),
    SCMP_SYS(uname), SCMP_SYS(sysinfo)};

// What this program has no line for, and what was made into a shell or worse has.
constexpr int kDeadly[] = {SCMP_SYS(execve),
                           SCMP_SYS(execveat),
                           SCMP_SYS(fork),
                           SCMP_SYS(vfork),
                           SCMP_SYS(ptrace),
                           SCMP_SYS(process_vm_readv),
                           SCMP_SYS(process_vm_writev),
                           SCMP_SYS(pidfd_getfd),
                           SCMP_SYS(bpf),
                           SCMP_SYS(perf_event_open),
                           SCMP_SYS(userfaultfd),
                           SCMP_SYS(io_uring_setup),
                           SCMP_SYS(setuid),
                           SCMP_SYS(setgid),
                           SCMP_SYS(setreuid),
                           SCMP_SYS(setregid),
                           SCMP_SYS(setresuid),
                           SCMP_SYS(setresgid),
                           SCMP_SYS(setgroups),
                           SCMP_SYS(setfsuid),
                           SCMP_SYS(setfsgid),
                           SCMP_SYS(capset),
                           SCMP_SYS(unshare),
                           SCMP_SYS(setns),
                           SCMP_SYS(mount),
                           SCMP_SYS(umount2),
                           SCMP_SYS(move_mount),
                           SCMP_SYS(open_tree),
                           SCMP_SYS(fsopen),
                           SCMP_SYS(mount_setattr),
                           SCMP_SYS(pivot_root),
                           SCMP_SYS(chroot),
                           SCMP_SYS(init_module),
                           SCMP_SYS(finit_module),
                           SCMP_SYS(delete_module),
                           SCMP_SYS(kexec_load),
                           SCMP_SYS(kexec_file_load),
                           SCMP_SYS(reboot),
                           SCMP_SYS(swapon),
                           SCMP_SYS(swapoff),
                           SCMP_SYS(acct),
                           SCMP_SYS(add_key),
                           SCMP_SYS(request_key),
                           SCMP_SYS(keyctl),
                           SCMP_SYS(name_to_handle_at),
                           SCMP_SYS(open_by_handle_at),
                           SCMP_SYS(chmod),
                           SCMP_SYS(fchmod),
                           SCMP_SYS(fchmodat),
                           SCMP_SYS(chown),
                           SCMP_SYS(fchown),
                           SCMP_SYS(fchownat),
                           SCMP_SYS(lchown),
                           SCMP_SYS(mknod),
                           SCMP_SYS(mknodat)};

struct FilterDeleter {
  void operator()(scmp_filter_ctx filter) const { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterDeleter>;

// Adds rules and keeps the first error, a negative errno.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}

  void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> arguments = {}) {
    if (error_ == 0)
      error_ =
          ::seccomp_rule_add_array(filter_, action, call, static_cast<unsigned>(arguments.size()), arguments.begin());
  }
  // Where `argument` is one of `values`.
  void allow_values(int call, unsigned argument, std::initializer_list<unsigned long> values) {
    for (const unsigned long value : values) add(SCMP_ACT_ALLOW, call, {scmp_arg_cmp{argument, SCMP_CMP_EQ, value, 0}});
  }
  // Where the bits of `argument` that `mask` has are `value`'s.
  void allow_bits(int call, unsigned argument, std::uint64_t mask, std::uint64_t value) {
    add(SCMP_ACT_ALLOW, call, {scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, mask, value}});
  }

  [[nodiscard]] int error() const { return error_; }

 private:
  scmp_filter_ctx filter_;
  int error_ = 0;
};

void add_conditional(Rules& rules) {
  // For reading only. The library writes O_TMPFILE and O_CREAT with an access mode for writing or as bits of their own.
  rules.allow_bits(SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
  rules.allow_bits(SCMP_SYS(open), 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)}) rules.allow_bits(call, 2, PROT_EXEC, 0);
  // Threads, not processes. clone3() has its flags in memory, see restrict_system_calls().
  rules.allow_bits(SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD);
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(clone3));
  // sd_notify(3) makes a socket each time.
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(socket),
            {scmp_arg_cmp{0, SCMP_CMP_EQ, AF_UNIX, 0}, scmp_arg_cmp{1, SCMP_CMP_EQ, SOCK_DGRAM | SOCK_CLOEXEC, 0}});
  rules.allow_values(SCMP_SYS(fcntl), 1, {F_GETFD, F_SETFD, F_GETFL, F_SETFL});
  rules.allow_values(SCMP_SYS(fcntl64), 1, {F_GETFD, F_SETFD, F_GETFL, F_SETFL});
  rules.allow_values(SCMP_SYS(ioctl), 1, {FIONBIO, FIONREAD, TCGETS});
  // Names of threads, and of the C library's memory.
  rules.allow_values(SCMP_SYS(prctl), 0, {PR_SET_NAME, PR_SET_VMA});
  // Limits are read, never set.
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), {scmp_arg_cmp{2, SCMP_CMP_EQ, 0, 0}});
  // abort(), and ending threads of one's own.
  rules.allow_values(SCMP_SYS(tgkill), 0, {static_cast<unsigned long>(::getpid())});
}

// Loads a filter that `fill` completes. `log`: the kernel logs what the filter refuses.
template <typename Fill>
Result<void> load(std::uint32_t otherwise, bool log, Fill fill) {
  const std::string what = "cannot restrict system calls";
  const Filter filter(::seccomp_init(otherwise));
  if (!filter) return fail(what + ": out of memory");
  // Calls of another architecture, such as 32-bit ones.
  int error = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (error == 0 && log) error = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_LOG, 1);
  if (error == -EOPNOTSUPP) error = 0;  // Linux before 4.14 cannot log
  // Searched like a tree instead of one by one.
  if (error == 0) error = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (error != 0) return fail_errno(what, -error);
  Rules rules(filter.get());
  fill(rules);
  if (rules.error() != 0) return fail_errno(what + ": a rule is not valid here", -rules.error());
  if (error = ::seccomp_load(filter.get()); error != 0)
    return fail_errno(what + ": this kernel, or a container, refuses the filter", -error);
  return {};
}

}  // namespace

Result<void> restrict_system_calls(FilesAtEnd at_end) {
  if (kSanitized) return fail("system calls are not restricted in a build with sanitizers");
  // Without clone3() the C library starts threads by clone(), whose flags can be looked at. A filter of its own,
  // because that is not worth a line in the kernel's log at every start.
  auto loaded = load(SCMP_ACT_ALLOW, false, [](Rules& rules) { rules.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3)); });
  if (!loaded) return loaded;
  return load(SCMP_ACT_ERRNO(ENOSYS), true, [at_end](Rules& rules) {
    if (at_end == FilesAtEnd::kAreRemoved)
      for (const int call : {SCMP_SYS(unlink), SCMP_SYS(unlinkat)}) rules.add(SCMP_ACT_ALLOW, call);
    for (const int call : kAllowed) rules.add(SCMP_ACT_ALLOW, call);
    for (const int call : kDeadly) rules.add(SCMP_ACT_KILL_PROCESS, call);
    add_conditional(rules);
  });
}

}  // namespace vqscope
