// SPDX-License-Identifier: Apache-2.0
// Whose request is answered next when more ask than can be answered at once: what keeps thousands of clients that ask
// without a pause from making others wait behind all of them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace vqscope {

// So many requests are answered at once; the others wait, and hold a descriptor and no thread. Next is one of the
// source that is answered least now; of its connections the one that was answered longest ago, or never. So a source
// that asks now and then does not wait for one that asks on and on, nor do its connections that ask now and then for
// the others, once each of these has been answered. Owns the thread that looks whose turn has lasted too long. Any
// thread may call.
class Turns {
 public:
  using Clock = std::chrono::steady_clock;
  using Begin = std::function<void()>;

  static constexpr std::size_t kAtOnce = 32;
  // An answer that takes longer does not count among those any more: its client reads slowly, and costs little.
  static constexpr std::chrono::milliseconds kCounted{100};
  // From the end of a turn to that of one who need not wait.
  static constexpr std::chrono::milliseconds kPause{1};

  // One connection, for as long as it lasts; guarded by the lock of its Turns.
  class Place {
   public:
    // `source`: whom it counts as (source_of()).
    explicit Place(std::string source) : source_(std::move(source)) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    friend class Turns;
    std::string source_;
    Clock::time_point last_ = Clock::time_point::min();  // its last turn began
    bool counted_ = false;                               // it is its turn
  };

  explicit Turns(std::chrono::milliseconds counted = kCounted);
  ~Turns();
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // True: it is the place's turn, because nobody else has or wants one, nor had one just now. An answer may be out
  // before the server looks at the next connection, so that this alone would let all have their turn as they come, each
  // with a page of its own.
  [[nodiscard]] bool take(Place& place, Clock::time_point now = Clock::now());
  // `begin` is called once, by any thread and perhaps before this returns, when it is the place's turn. The place must
  // live until then.
  void wait(Place& place, Begin begin);
  // The place's answer is out, or its connection is gone; does nothing if it was not its turn.
  void end(Place& place, Clock::time_point now = Clock::now());

  // Turns that are older than they may be to count do not any more.
  void look(Clock::time_point now);

  // Those who wait are called, and nobody has to wait from then on. Before the destructor.
  void stop();

 private:
  struct Source {
    std::size_t counted = 0;                            // turns that it has now
    Clock::time_point last = Clock::time_point::min();  // its last turn began
    struct Waiting {
      Place* place;
      Begin begin;
    };
    std::multimap<Clock::time_point, Waiting> waiting;  // by when each was answered last
  };
  using Sources = std::map<std::string, Source>;

  void watch();
  void begin(Place& place, Source& source, Clock::time_point now);
  void leave(Place& place);
  std::vector<Begin> next(Clock::time_point now);
  Sources::iterator least();

  const std::chrono::milliseconds longest_;  // that a turn counts
  std::mutex mutex_;
  std::condition_variable changed_;
  // All of these are guarded by mutex_.
  std::list<Place*> counted_;                          // in the order in which they began
  Sources sources_;                                    // that have turns or wait for one
  std::size_t waiting_ = 0;                            // of all sources
  Clock::time_point last_ = Clock::time_point::min();  // a turn began or ended
  bool stopping_ = false;
  std::thread watcher_;
};

}  // namespace vqscope
