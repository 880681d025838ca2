// SPDX-License-Identifier: Apache-2.0
// Owner of the terminal while pictures are painted on it. Whatever ends the process, short of SIGKILL, the terminal is
// as it was before: the destructor sees to it, and for signals that end it on the spot a handler does. There is one at
// a time, and one thread uses it.
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "agent/base/result.h"
#include "agent/commands/top/frame.h"

namespace vqscope {

// A click on a line of the picture, counted from 0.
struct Click {
  std::size_t line = 0;
};
using Input = std::variant<Key, Click>;

class Terminal {
 public:
  // Standard input and output have to be one. LC_CTYPE has to be set.
  static Result<std::unique_ptr<Terminal>> create();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] Canvas canvas() const;
  void paint(const Frame& frame);

  // What was pressed, and not yet read; nullopt when there is no more. Keys that nobody knows are left out.
  std::optional<Input> input();

  // After SIGWINCH.
  void resize();

  // Gives the terminal back, stops this process as SIGTSTP does, and takes the terminal again once it goes on. SIGTSTP
  // has to be blocked.
  void stop();
  // After SIGCONT, for somebody else may have used it.
  void take_again();

 private:
  struct State;
  explicit Terminal(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// Whether the locale's characters are UTF-8; LC_CTYPE has to be set.
bool is_utf8();

}  // namespace vqscope
