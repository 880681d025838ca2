// SPDX-License-Identifier: Apache-2.0
// A command of somebody else's that is recorded while it runs.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace vqscope {

// Not thread-safe. Who destroys it while the command runs leaves it to run.
class Child {
 public:
  // Starts words[0], looked for in PATH, with the signals that this process waits for. Its standard output is this
  // one's, or standard error where a recording goes to standard output.
  static Result<Child> start(const std::vector<std::string>& words, bool output_to_error);

  // Readable once it has ended.
  [[nodiscard]] int fd() const { return fd_.get(); }

  // How it ended, as a shell has it: its exit status, or 128 and the number of the signal. Waits until it has.
  Result<int> wait();

  // Sends it a signal.
  void signal(int number) const;

 private:
  Child(pid_t pid, Fd fd) : pid_(pid), fd_(std::move(fd)) {}

  pid_t pid_;
  Fd fd_;  // pidfd
};

}  // namespace vqscope
