// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/common/wait.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/base/clock.h"

namespace vqscope {

Result<int> wait_until(std::uint64_t deadline_ns, const Fd& signals) {
  for (;;) {
    const std::uint64_t now = monotonic_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
    const timespec timeout = {static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
    pollfd watched = {signals.get(), POLLIN, 0};
    const int ready = ::ppoll(&watched, 1, &timeout, nullptr);
    if (ready < 0 && errno != EINTR) return fail_errno("cannot wait for signals");
    if (ready == 0 && left == 0) return 0;
    if (ready <= 0) continue;
    signalfd_siginfo signal = {};
    if (::read(signals.get(), &signal, sizeof signal) != sizeof signal) return fail_errno("cannot read a signal");
    return static_cast<int>(signal.ssi_signo);
  }
}

}  // namespace vqscope
