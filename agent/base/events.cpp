// SPDX-License-Identifier: Apache-2.0
#include "agent/base/events.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

namespace vqscope {

namespace {

sigset_t ending_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

Result<Fd> watch_signals(Hangup hangup) {
  sigset_t signals = ending_signals();
  if (hangup == Hangup::kIsRead) ::sigaddset(&signals, SIGHUP);
  if (::pthread_sigmask(SIG_BLOCK, &signals, nullptr) != 0) return fail_errno("cannot block signals");
  Fd fd(::signalfd(-1, &signals, SFD_CLOEXEC));
  if (!fd) return fail_errno("cannot watch signals");
  return fd;
}

Result<void> release_signals() {
  const sigset_t signals = ending_signals();
  if (::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr) != 0) return fail_errno("cannot unblock signals");
  return {};
}

Result<Fd> every_second() {
  Fd fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  const itimerspec period = {{1, 0}, {1, 0}};
  if (!fd || ::timerfd_settime(fd.get(), 0, &period, nullptr) != 0) return fail_errno("cannot set a timer");
  return fd;
}

}  // namespace vqscope
