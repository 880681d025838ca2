// SPDX-License-Identifier: Apache-2.0
// Who is connected, and who has to go: what keeps clients that are many, silent or slow from keeping others out.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "exporters/http/seldom.h"

namespace vqscope {

// What a connection is at.
enum class ConnectionState {
  kHandshake,  // of TLS
  kHead,       // its first request's line and headers are not all there
  kAnswering,  // from the end of the headers to the end of the answer
  kIdle,       // was answered, and its next request's headers are not all there
};
inline constexpr std::array<std::string_view, 4> kConnectionStates = {"handshake", "head", "answering", "idle"};

// Why a connection was closed, or a request got no page.
enum class Refusal {
  kBadRequest,  // what no client should send
  kBusy,        // too many passwords wait to be checked
  kDeadline,    // handshake, headers or reading the answer took too long
  kHandshake,   // of TLS failed
  kHost,        // a Host that nobody calls this machine
  kLimit,       // gave way to a newer connection, or to what another is answered
  kOrigin,      // a page of another origin asks for what only the page at / is told
  kPassword,    // none, or a wrong one
};
inline constexpr std::array<std::string_view, 8> kRefusals = {"bad_request", "busy",  "deadline", "handshake",
                                                              "host",        "limit", "origin",   "password"};

// Each in the order of its enumeration.
struct EndpointCounts {
  std::array<std::uint64_t, kConnectionStates.size()> connections = {};  // now
  std::array<std::uint64_t, kRefusals.size()> refused = {};              // since the start
};

// How long each state may last.
struct Patience {
  std::chrono::seconds head{10};  // from accepting to the end of the first request's headers, handshake included
  std::chrono::seconds answer{60};
  std::chrono::seconds idle{30};  // from an answer to the end of the next request's headers
};

// All connections of all listeners. One that is to go has its socket shut down, which the thread that serves it notices
// as it would notice its client hanging up. Owns the thread that looks at the deadlines. Any thread may call.
class Connections {
 public:
  using Clock = std::chrono::steady_clock;
  class Entry;

  // `most`: at once, those included that have been told to go and are not gone yet; at least two.
  explicit Connections(std::size_t most, Patience patience = {});
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // A connection was accepted; `source` is whom it counts as (source_of()). If there are too many now, one gives way:
  // the source with the most connections loses the one that has been at its state for longest. `fd` must stay open
  // until ended().
  Entry* began(int fd, std::string source, ConnectionState state);
  // The handshake is over.
  void greeted(Entry* entry);
  // The headers are there.
  void asked(Entry* entry);
  // The answer is out.
  void answered(Entry* entry);
  // To be called before the descriptor is closed; false if it was this class that ended it.
  bool ended(Entry* entry);

  // What it reads has to make room: it is told to go.
  void give_way(Entry* entry);

  void refused(Refusal why);
  // A handshake with `source` failed; that is logged, but not each time.
  void handshake_failed(std::string_view source, std::string_view why);

  // Ends what has been at its state for too long.
  void end_overdue(Clock::time_point now);

  // How many more may be accepted now.
  [[nodiscard]] std::size_t room() const;
  [[nodiscard]] std::size_t most() const { return most_; }
  [[nodiscard]] EndpointCounts counts() const;

 private:
  struct Source {
    std::size_t open = 0;
    std::size_t staying = 0;  // of those, without the ones that have been told to go
  };
  using Sources = std::map<std::string, Source>;
  using List = std::list<Entry>;

  void watch();
  void move(Entry* entry, ConnectionState state);
  List::iterator victim();
  void shut(Entry& entry);
  [[nodiscard]] std::chrono::seconds longest(ConnectionState state) const;

  const std::size_t most_, most_staying_;
  const Patience patience_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // All of these are guarded by mutex_.
  List open_;  // those that went on to another state last are at the end
  Sources sources_;
  std::size_t staying_ = 0;  // of all sources
  EndpointCounts counts_;
  Seldom limit_log_, handshake_log_;
  bool stopping_ = false;
  std::thread watcher_;
};

// Lives until ended().
class Connections::Entry {
 public:
  [[nodiscard]] const std::string& source() const { return source_->first; }

 private:
  friend class Connections;
  Entry(int fd, Sources::iterator source, ConnectionState state) : fd_(fd), source_(source), state_(state) {}

  int fd_;
  Sources::iterator source_;
  ConnectionState state_;
  Clock::time_point since_ = Clock::now();  // it was accepted, asked, or was answered
  bool told_to_go_ = false;
  List::iterator place_;
};

}  // namespace vqscope
