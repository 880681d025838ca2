// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/top/top.h"

#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <clocale>
#include <cstdlib>
#include <thread>

#include "agent/base/clock.h"
#include "agent/base/standard_streams.h"
#include "agent/base/terminal_width.h"
#include "agent/commands/top/feed.h"
#include "agent/commands/top/player.h"
#include "agent/commands/top/terminal.h"
#include "agent/source/source.h"

namespace vqscope {

namespace {

// How old what is known of elevators and interrupt lines may be.
constexpr std::uint64_t kRefreshNs = 10'000'000'000;

Result<std::unique_ptr<Source>> open_agent_at(const TopOptions& options, const AgentAddress& agent) {
  auto disks = select_disks(options.measure, agent);
  if (!disks) return tl::unexpected(disks.error());
  return open_agent(options.measure, agent, std::move(*disks));
}

Result<std::unique_ptr<Source>> open_source(const TopOptions& options) {
  if (!options.agent.url.empty()) return open_agent_at(options, options.agent);
  if (auto agent = find_local_agent(options.measure)) return agent;
  auto disks = select_disks(options.measure, {});
  if (!disks) return tl::unexpected(disks.error());
  if (!disks->missing.empty()) return fail(disks->missing.front());
  return open_this_machine(options.measure, std::move(disks->filter), kRefreshNs);
}

Ui first_ui(const TopOptions& options) {
  Ui ui;
  ui.interval_seconds = options.interval_seconds;
  // It is the first one among the readings, whatever its name is there.
  if (options.measure.devices.size() == 1) ui.screen = Screen::kDisk;
  return ui;
}

Result<std::unique_ptr<Player>> replay(const TopOptions& options) {
  auto disks = select_recorded_disks(options.measure);
  if (!disks) return tl::unexpected(disks.error());
  auto recording = open_recording(options.replay, std::move(*disks));
  if (!recording) return tl::unexpected(recording.error());
  return Player::of_recording(std::move(*recording), first_ui(options), options.at);
}

// Two readings, an interval apart.
Result<std::unique_ptr<Player>> look_twice(const TopOptions& options) {
  auto source = open_source(options);
  if (!source) return tl::unexpected(source.error());
  auto player = std::make_unique<Player>(first_ui(options));
  player->set_place((*source)->place());
  for (const bool last : {false, true}) {
    if (last) std::this_thread::sleep_for(std::chrono::duration<double>(options.interval_seconds));
    auto snapshot = read_one(**source);
    if (!snapshot) return tl::unexpected(snapshot.error());
    player->add(std::move(*snapshot));
  }
  return player;
}

Result<void> print_once(const TopOptions& options) {
  auto player = options.replay.empty() ? look_twice(options) : replay(options);
  if (!player) return tl::unexpected(player.error());
  constexpr std::size_t kWidthOfText = 120;  // where nobody says how wide it may be
  const auto frame = (*player)->draw({terminal_width(STDOUT_FILENO, kWidthOfText), std::nullopt, is_utf8()});
  if (!frame) return tl::unexpected(frame.error());
  std::string text;
  for (const TextLine& line : (*frame)->lines) {
    const std::string row = text_of(line);
    text += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  }
  return print(text);
}

// Those that end it, and those that tell of the terminal; blocked in all threads to come.
Result<Fd> watch_terminal_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH}) ::sigaddset(&signals, signal);
  if (::pthread_sigmask(SIG_BLOCK, &signals, nullptr) != 0) return fail_errno("cannot block signals");
  Fd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail_errno("cannot watch signals");
  return fd;
}

class Session {
 public:
  // `feed` is null for a recording.
  Session(Player& player, Feed* feed, Terminal& terminal, const Fd& signals)
      : player_(player), feed_(feed), terminal_(terminal), signals_(signals) {}

  Result<void> run() {
    while (!player_.ui().quit && !ended_) {
      if (auto drawn = draw(); !drawn) return drawn;
      std::array<pollfd, 3> watched = {
          {{signals_.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}, {feed_ ? feed_->descriptor() : -1, POLLIN, 0}}};
      const int ready = ::poll(watched.data(), watched.size(), timeout_ms());
      if (ready < 0 && errno != EINTR) return fail_errno("cannot wait for events");
      if (watched[0].revents != 0) take_signals();
      if (watched[1].revents != 0) take_keys();
      if ((watched[1].revents & (POLLHUP | POLLERR)) != 0) ended_ = true;  // the terminal is gone
      if (watched[2].revents != 0)
        if (auto taken = take_readings(); !taken) return taken;
      if (ready == 0) play();
    }
    return {};
  }

 private:
  Result<void> draw() {
    const auto frame = player_.draw(terminal_.canvas());
    if (!frame) return tl::unexpected(frame.error());
    terminal_.paint(**frame);
    return {};
  }

  // Until the next reading of a recording is due.
  [[nodiscard]] int timeout_ms() const {
    if (feed_ != nullptr || player_.ui().paused) return -1;
    const std::uint64_t now = monotonic_ns();
    return now >= due_ns_ ? 0 : static_cast<int>((due_ns_ - now) / 1'000'000 + 1);
  }

  void play() {
    player_.advance();
    due_ns_ = monotonic_ns() + static_cast<std::uint64_t>(player_.ui().interval_seconds * 1e9);
  }

  void take_signals() {
    signalfd_siginfo signal = {};
    while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
      switch (signal.ssi_signo) {
        case SIGTSTP: terminal_.stop(); break;
        case SIGCONT: terminal_.take_again(); break;
        case SIGWINCH: terminal_.resize(); break;
        default: ended_ = true;
      }
    }
  }

  void take_keys() {
    while (const auto input = terminal_.input()) {
      if (const Key* key = std::get_if<Key>(&*input))
        player_.press(*key);
      else
        player_.click(std::get<Click>(*input).line);
    }
    if (feed_ != nullptr) feed_->set_interval(player_.ui().interval_seconds);
  }

  Result<void> take_readings() {
    player_.set_place(feed_->place());
    for (Result<DecodedSnapshot>& snapshot : feed_->take()) {
      if (snapshot) {
        player_.add(std::move(*snapshot));
        player_.tell("");
      } else if (feed_->failed()) {
        return tl::unexpected(snapshot.error());
      } else {
        player_.tell("No reading, and trying again: " + snapshot.error().message);
      }
    }
    return {};
  }

  Player& player_;
  Feed* feed_;
  Terminal& terminal_;
  const Fd& signals_;
  std::uint64_t due_ns_ = 0;
  bool ended_ = false;
};

// Until there is a reading: what sysfs has of this machine's disks, if it is these that are looked at.
void preview(const TopOptions& options, Player& player) {
  player.tell(options.agent.url.empty() ? "Looking for an agent on this machine; else probes are attached ..."
                                        : "Asking the agent ...");
  auto disks = select_disks(options.measure, options.agent);
  if (!options.agent.url.empty() || !disks) return;
  const auto now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
  if (auto topology = scan_topology(options.measure.paths, disks->filter, std::nullopt))
    player.preview(std::move(*topology), static_cast<std::uint64_t>(now.count()));
}

Result<void> show(const TopOptions& options) {
  if (::isatty(STDOUT_FILENO) != 1 || ::isatty(STDIN_FILENO) != 1)
    return fail("top draws on a terminal, and standard input or output is none; --once prints one picture as text");
  const auto signals = watch_terminal_signals();
  if (!signals) return tl::unexpected(signals.error());
  std::unique_ptr<Player> player;
  if (options.replay.empty()) {
    player = std::make_unique<Player>(first_ui(options));
    preview(options, *player);
  } else {
    auto recording = replay(options);
    if (!recording) return tl::unexpected(recording.error());
    player = std::move(*recording);
  }
  spdlog::set_level(spdlog::level::off);  // what goes wrong is in the picture
  std::unique_ptr<Feed> feed;             // ends after the terminal is restored, for that may take a while
  auto terminal = Terminal::create();
  if (!terminal) return tl::unexpected(terminal.error());
  if (!player->is_recording()) {
    auto started = Feed::start([&options] { return open_source(options); }, options.interval_seconds);
    if (!started) return tl::unexpected(started.error());
    feed = std::move(*started);
  }
  auto ended = Session(*player, feed.get(), **terminal, *signals).run();
  if (!ended || feed == nullptr) return ended;
  // An agent that does not answer would be waited for, and reading holds nothing that the kernel does not take back.
  terminal->reset();
  std::_Exit(0);
}

}  // namespace

Result<void> top(const TopOptions& options) {
  (void)std::setlocale(LC_CTYPE, "");
  return options.once ? print_once(options) : show(options);
}

}  // namespace vqscope
