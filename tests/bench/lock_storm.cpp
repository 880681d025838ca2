// SPDX-License-Identifier: Apache-2.0
// One thread for each CPU, all of which take the spin lock of one futex in the kernel, until standard input ends.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

int main() {
  std::atomic<bool> ended = false;
  std::uint32_t word = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i)
    threads.emplace_back([&] {
      // The kernel looks at the word with the lock held, finds another value than this, and returns.
      while (!ended) ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, nullptr, nullptr, 0);
    });
  while (std::getchar() != EOF) {
  }
  ended = true;
  for (std::thread& thread : threads) thread.join();
}
