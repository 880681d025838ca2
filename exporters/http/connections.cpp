// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/connections.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>

namespace vqscope {

namespace {

// How often deadlines are looked at while there are connections.
constexpr std::chrono::seconds kBetweenLooks{1};

// One of so many connections may be one that has been told to go: more than come in one round of the server's loop, at
// whose end those are gone.
constexpr std::size_t kLeavingShare = 32;

template <typename Enumeration>
constexpr std::size_t index(Enumeration value) {
  return static_cast<std::size_t>(value);
}

std::string times(std::uint64_t count) { return count == 1 ? "once" : fmt::format("{} times", count); }

}  // namespace

Connections::Connections(std::size_t most, Patience patience)
    : most_(most),
      most_staying_(most - std::max(most / kLeavingShare, std::size_t{1})),
      patience_(patience),
      watcher_([this] { watch(); }) {}

Connections::~Connections() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  watcher_.join();
}

Connections::Entry* Connections::began(int fd, std::string source, ConnectionState state) {
  std::unique_lock lock(mutex_);
  const auto of_source = sources_.try_emplace(std::move(source)).first;
  open_.push_back(Entry(fd, of_source, state));
  Entry* const entry = &open_.back();
  entry->place_ = std::prev(open_.end());
  ++of_source->second.open;
  ++of_source->second.staying;
  ++staying_;
  ++counts_.connections[index(state)];
  if (open_.size() == 1) changed_.notify_one();
  const auto loser = staying_ > most_staying_ ? victim() : open_.end();
  if (loser == open_.end()) return entry;
  const std::string who = fmt::format("{}, which had {}", loser->source(), loser->source_->second.staying);
  ++counts_.refused[index(Refusal::kLimit)];
  shut(*loser);
  const auto told = limit_log_.tell(Clock::now());
  lock.unlock();
  if (told)
    spdlog::warn(
        "http: all {} connections that there may be at once are open, and {} since this was last told one of them gave "
        "way to a new one; now it was one of {}",
        most_staying_, times(*told), who);
  return entry;
}

// To be called with the lock. The newest is never the one.
Connections::List::iterator Connections::victim() {
  std::size_t most = 0;
  for (const auto& [name, source] : sources_) most = std::max(most, source.staying);
  const auto newest = std::prev(open_.end());
  const auto found = std::find_if(open_.begin(), newest, [&](const Entry& entry) {
    return !entry.told_to_go_ && entry.source_->second.staying == most;
  });
  return found != newest ? found : open_.end();
}

// To be called with the lock.
void Connections::shut(Entry& entry) {
  entry.told_to_go_ = true;
  --entry.source_->second.staying;
  --staying_;
  ::shutdown(entry.fd_, SHUT_RDWR);  // fails only if the client was faster
}

void Connections::greeted(Entry* entry) {
  const std::lock_guard lock(mutex_);
  --counts_.connections[index(entry->state_)];
  entry->state_ = ConnectionState::kHead;
  ++counts_.connections[index(entry->state_)];
}

void Connections::move(Entry* entry, ConnectionState state) {
  const std::lock_guard lock(mutex_);
  --counts_.connections[index(entry->state_)];
  entry->state_ = state;
  ++counts_.connections[index(state)];
  entry->since_ = Clock::now();
  open_.splice(open_.end(), open_, entry->place_);
}

void Connections::asked(Entry* entry) { move(entry, ConnectionState::kAnswering); }

void Connections::answered(Entry* entry) { move(entry, ConnectionState::kIdle); }

bool Connections::ended(Entry* entry) {
  const std::lock_guard lock(mutex_);
  --counts_.connections[index(entry->state_)];
  const bool by_itself = !entry->told_to_go_;
  if (by_itself) {
    --entry->source_->second.staying;
    --staying_;
  }
  if (--entry->source_->second.open == 0) sources_.erase(entry->source_);
  open_.erase(entry->place_);
  return by_itself;
}

void Connections::give_way(Entry* entry) {
  const std::lock_guard lock(mutex_);
  if (entry->told_to_go_) return;
  ++counts_.refused[index(Refusal::kLimit)];
  shut(*entry);
}

void Connections::refused(Refusal why) {
  const std::lock_guard lock(mutex_);
  ++counts_.refused[index(why)];
}

void Connections::handshake_failed(std::string_view source, std::string_view why) {
  std::optional<std::uint64_t> told;
  {
    const std::lock_guard lock(mutex_);
    ++counts_.refused[index(Refusal::kHandshake)];
    told = handshake_log_.tell(Clock::now());
  }
  if (told)
    spdlog::warn("http: a TLS handshake failed ({} since this was last told), now with {}: {}", times(*told), source,
                 why);
  else
    spdlog::debug("http: a TLS handshake with {} failed: {}", source, why);
}

std::chrono::seconds Connections::longest(ConnectionState state) const {
  switch (state) {
    case ConnectionState::kAnswering: return patience_.answer;
    case ConnectionState::kIdle: return patience_.idle;
    default: return patience_.head;
  }
}

void Connections::end_overdue(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : open_) {
    if (entry.told_to_go_ || now - entry.since_ <= longest(entry.state_)) continue;
    // Whoever was answered and then says nothing has done nothing wrong.
    if (entry.state_ != ConnectionState::kIdle) ++counts_.refused[index(Refusal::kDeadline)];
    shut(entry);
  }
}

void Connections::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (open_.empty())
      changed_.wait(lock, [this] { return stopping_ || !open_.empty(); });
    else
      changed_.wait_for(lock, kBetweenLooks, [this] { return stopping_; });
    lock.unlock();
    end_overdue(Clock::now());
    lock.lock();
  }
}

std::size_t Connections::room() const {
  const std::lock_guard lock(mutex_);
  return most_ - std::min(most_, open_.size());
}

EndpointCounts Connections::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace vqscope
