// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/password_checker.h"

#include <utility>

namespace vqscope {

PasswordChecker::PasswordChecker() : thread_([this] { run(); }) {}

PasswordChecker::~PasswordChecker() { stop(); }

bool PasswordChecker::submit(std::string peer, std::shared_ptr<BasicAuth> users, Credentials credentials, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || waiting_.size() >= kMaxWaiting) return false;
    std::size_t& of_peer = peers_[peer];
    if (of_peer >= kMaxWaitingOfPeer) return false;
    ++of_peer;
    waiting_.push_back({std::move(peer), std::move(users), std::move(credentials), std::move(done)});
  }
  changed_.notify_one();
  return true;
}

void PasswordChecker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  for (const Job& job : std::exchange(waiting_, {})) job.done(PasswordVerdict::kBusy);
}

void PasswordChecker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    const auto of_peer = peers_.find(job.peer);
    if (--of_peer->second == 0) peers_.erase(of_peer);
    lock.unlock();
    // A peer that asks over two connections needs only one check.
    const bool right = job.users->remembers(job.credentials) || job.users->check(job.credentials);
    job.done(right ? PasswordVerdict::kRight : PasswordVerdict::kWrong);
    lock.lock();
  }
}

}  // namespace vqscope
