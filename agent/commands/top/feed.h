// SPDX-License-Identifier: Apache-2.0
// Takes readings in a thread of its own, so that keys are answered while an agent does not. All functions are
// thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/source/source.h"

namespace vqscope {

class Feed {
 public:
  using Open = std::function<Result<std::unique_ptr<Source>>()>;

  // Opens the source, in the thread too, and reads it: at once, soon after that, so that there is a window, and then at
  // the interval.
  static Result<std::unique_ptr<Feed>> start(Open open, double interval_seconds);

  // Waits for the reading that is under way.
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // Readable when there is something to take.
  [[nodiscard]] int descriptor() const { return event_.get(); }

  // What came since the last call, in its order.
  std::vector<Result<DecodedSnapshot>> take();

  // Source::place(); empty until the source is open.
  [[nodiscard]] std::string place() const;

  // Whether there is nothing more to come, because the source could not be opened.
  [[nodiscard]] bool failed() const;

  // From now on.
  void set_interval(double seconds);

 private:
  explicit Feed(Fd event, double interval_seconds) : event_(std::move(event)), interval_seconds_(interval_seconds) {}

  void run(const Open& open);
  void put(Result<DecodedSnapshot> snapshot);
  // False when it is to end.
  bool wait(double seconds);

  Fd event_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  double interval_seconds_;
  bool interval_changed_ = false, ending_ = false, failed_ = false;
  std::string place_;
  std::vector<Result<DecodedSnapshot>> taken_;
  std::thread thread_;  // the last: it uses all others
};

}  // namespace vqscope
