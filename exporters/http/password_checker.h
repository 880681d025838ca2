// SPDX-License-Identifier: Apache-2.0
// Checks passwords one after the other on a thread of its own, so that whoever sends many wrong ones occupies this
// thread and not those that answer scrapes, and at most one vCPU.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "exporters/http/password.h"

namespace vqscope {

enum class PasswordVerdict {
  kRight,
  kWrong,
  kBusy,  // not checked: too many wait already
};

// Owns its thread, which the constructor starts. Any thread may call.
class PasswordChecker {
 public:
  using Done = std::function<void(PasswordVerdict)>;

  // Checks that wait, all together and of one peer: an honest one is behind few others, and less than a scrape's
  // timeout away from its turn.
  static constexpr std::size_t kMaxWaiting = 32, kMaxWaitingOfPeer = 2;

  PasswordChecker();
  ~PasswordChecker();
  PasswordChecker(const PasswordChecker&) = delete;
  PasswordChecker& operator=(const PasswordChecker&) = delete;

  // `peer` is whose turn it counts as, such as an address. `done` is called once, by the checker's thread or stop()'s
  // caller. False: there is no room, and `done` is never called.
  [[nodiscard]] bool submit(std::string peer, std::shared_ptr<BasicAuth> users, Credentials credentials, Done done);

  // Waits for the check that runs, and ends the waiting ones with kBusy. From then on there is no room.
  void stop();

 private:
  struct Job {
    std::string peer;
    std::shared_ptr<BasicAuth> users;
    Credentials credentials;
    Done done;
  };

  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;                   // guarded by mutex_
  std::map<std::string, std::size_t> peers_;  // how many of each wait; guarded by mutex_
  bool stopping_ = false;                     // guarded by mutex_
  std::thread thread_;
};

}  // namespace vqscope
