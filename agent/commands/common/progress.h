// SPDX-License-Identifier: Apache-2.0
// A line on a terminal that tells how far a command is, and is gone at its end.
#pragma once

#include <string>

#include "agent/model/snapshot.h"

namespace vqscope {

// Of standard error, and silent where that is no terminal. Not thread-safe.
class Progress {
 public:
  Progress();
  explicit Progress(bool shown) : shown_(shown) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Writes over what it said before. No more than fits into a line: what runs over could not be taken away.
  void show(const std::string& text);

  // Makes room for other lines.
  void clear();

  [[nodiscard]] bool shown() const { return shown_; }

 private:
  bool shown_;
  bool something_ = false;  // is on the terminal
};

// "vda 12,345 requests/s, vdb 3 requests/s" from one reading to a later one; of the first four disks.
std::string request_rates(const Snapshot& first, const Snapshot& last);

}  // namespace vqscope
