// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/record/record.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/events.h"
#include "agent/base/standard_streams.h"
#include "agent/commands/common/progress.h"
#include "agent/commands/record/child.h"
#include "agent/commands/record/copy.h"
#include "agent/commands/record/tape.h"
#include "agent/model/window.h"
#include "agent/probes/permission.h"
#include "agent/source/source.h"

namespace vqscope {

namespace {

// How old what is known of elevators and interrupt lines may be.
constexpr std::uint64_t kRefreshNs = 10'000'000'000;
// Without a reading for so long, the end is not in a recording.
constexpr std::uint64_t kSilenceNs = 2'000'000'000;

Result<std::unique_ptr<Source>> open_source(const RecordOptions& options, DiskSelection disks, const Fd& signals) {
  if (!options.agent.url.empty()) {
    AgentAddress agent = options.agent;
    agent.give_up = signals.get();
    return open_agent(options.measure, agent, std::move(disks));
  }
  // A recording in which no request can be seen is of no use to anybody.
  MeasureOptions measure = options.measure;
  measure.required_probes.emplace_back("block");
  return open_this_machine(measure, std::move(disks.filter), kRefreshNs);
}

std::string list_disks(const Topology& topology) {
  std::string list;
  for (const Disk& disk : topology.disks)
    list += fmt::format("{}{} ({} queue{})", list.empty() ? "" : ", ", disk.name, disk.queues.size(),
                        disk.queues.size() == 1 ? "" : "s");
  return list;
}

// What a terminal is told while it records.
class Told {
 public:
  // Not while a command writes to the terminal.
  Told(const Tape& tape, const RecordOptions& options)
      : tape_(tape), progress_(options.command.empty() ? Progress() : Progress(false)) {}

  void add(const Snapshot& snapshot) {
    if (!progress_.shown()) return;
    Snapshot now = without_histograms(snapshot);
    const Snapshot& before = last_ ? *last_ : now;
    if (!begin_ns_) begin_ns_ = now.time_ns;
    progress_.show(fmt::format("Recording, {:.0f} s, {:.1f} kB: {}",
                               static_cast<double>(now.time_ns - *begin_ns_) / 1e9,
                               static_cast<double>(tape_.writer().written()) / 1000, request_rates(before, now)));
    last_ = std::move(now);
  }
  void warn(const std::string& message) {
    progress_.clear();
    spdlog::warn("{}", message);
  }

 private:
  const Tape& tape_;
  Progress progress_;
  std::optional<Snapshot> last_;  // without histograms
  std::optional<std::uint64_t> begin_ns_;
};

// Ctrl-C on a terminal reaches the command by itself.
void pass_on(const signalfd_siginfo& signal, const Child& child) {
  if (signal.ssi_code != SI_KERNEL) child.signal(static_cast<int>(signal.ssi_signo));
}

// What shells exit with when a command is not there (127) or cannot be run (126); nullopt: it is not to blame.
std::optional<int> status_of_no_command(const Error& error) {
  if (error.code == ENOENT) return 127;
  if (error.code == EACCES || error.code == ENOEXEC || error.code == ENOTDIR) return 126;
  return std::nullopt;
}

// A reading every second, and one at the end of a command. Why there was none at the end; empty: there was.
Result<std::string> run(Source& source, Tape& tape, Told& told, const Fd& signals, const Fd& timer, const Child* child,
                        std::uint64_t seconds) {
  std::array<pollfd, 3> watched = {
      {{signals.get(), POLLIN, 0}, {timer.get(), POLLIN, 0}, {child != nullptr ? child->fd() : -1, POLLIN, 0}}};
  const std::uint64_t begin = monotonic_ns();
  std::uint64_t answered = begin;  // when there was a reading last
  std::string missing;             // why there was none the last time
  for (;;) {
    if (::poll(watched.data(), watched.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return fail_errno("cannot wait for events");
    }
    if (watched[0].revents != 0) {
      signalfd_siginfo signal = {};
      if (::read(signals.get(), &signal, sizeof signal) != sizeof signal) return fail_errno("cannot read a signal");
      if (child == nullptr) return missing;
      pass_on(signal, *child);
    }
    const bool ended = watched[2].revents != 0;
    if (!ended) {
      std::uint64_t expirations = 0;
      if (::read(timer.get(), &expirations, sizeof expirations) < 0) {
        if (errno == EAGAIN) continue;
        return fail_errno("cannot read the timer");
      }
    }
    const auto snapshot = read_one(source);
    if (!snapshot && snapshot.error().code == ECANCELED && !ended) {
      // The signal that did it is still there. What it takes to answer belongs to every end.
      if (monotonic_ns() - answered >= kSilenceNs) missing = snapshot.error().message;
      continue;
    }
    if (snapshot) {
      if (tape.begins_anew(*snapshot)) told.warn("the agent was restarted: its counters begin anew, in a new segment");
      if (auto added = tape.add(*snapshot); !added) return tl::unexpected(added.error());
      told.add(snapshot->reading.snapshot);
      answered = monotonic_ns();
    } else if (missing.empty()) {
      told.warn("no reading, and trying again every second: " + snapshot.error().message);
    }
    missing = snapshot ? "" : snapshot.error().message;
    // The timer and this clock do not start in the same nanosecond.
    if (ended || monotonic_ns() - begin + 500'000'000 >= seconds * 1'000'000'000) return missing;
  }
}

}  // namespace

Result<int> record(const RecordOptions& options) {
  if (!options.replay.file.empty()) return copy_piece(options);
  if (options.agent.url.empty() && !may_attach())
    return fail("to record requests takes root, or CAP_BPF and CAP_PERFMON: sudo vqscope record ...");
  auto signals = watch_signals();
  if (!signals) return tl::unexpected(signals.error());
  ::signal(SIGXFSZ, SIG_IGN);  // a limit of the file's size is an error of write()
  auto disks = select_disks(options.measure, options.agent);
  if (!disks) return tl::unexpected(disks.error());
  if (!disks->missing.empty()) return fail(disks->missing.front());
  for (const std::string& note : disks->notes) spdlog::info("{}", note);
  // Before the probes, so that nothing is attached in vain.
  auto writer = RecordingWriter::create(options.file, options.append);
  if (!writer) return tl::unexpected(writer.error());
  if (writer->cut_off() > 0) spdlog::warn("{}", what_was_cut_off(*writer));
  const auto source = open_source(options, std::move(*disks), *signals);
  if (!source) return tl::unexpected(source.error());
  const auto first = read_one(**source);
  if (!first) return tl::unexpected(first.error());
  if (first->reading.topology.disks.empty())
    return fail(
        "there is nothing to record: no disk is driven by blk-mq and accepted by --device-include or "
        "--device-exclude");

  auto timer = every_second();
  if (!timer) return tl::unexpected(timer.error());
  std::optional<Child> child;
  if (!options.command.empty()) {
    auto started = Child::start(options.command, options.file == kStandardStream);
    if (!started) {
      const auto status = status_of_no_command(started.error());
      if (!status) return tl::unexpected(started.error());
      complain(started.error().message);
      return *status;
    }
    child.emplace(std::move(*started));
  }
  Tape tape(std::move(*writer), options.note);
  const auto ran = [&]() -> Result<std::string> {
    if (auto added = tape.add(*first); !added) return tl::unexpected(added.error());
    spdlog::info("recording {} to {}, {}", list_disks(first->reading.topology), tape.writer().name(),
                 !options.command.empty()   ? fmt::format("while '{}' runs", options.command[0])
                 : options.duration_seconds ? fmt::format("for {} s", *options.duration_seconds)
                                            : "until Ctrl-C");
    Told told(tape, options);
    return run(**source, tape, told, *signals, *timer, child ? &*child : nullptr,
               options.duration_seconds.value_or(~std::uint64_t{0} / 1'000'000'000));
  }();
  int status = 0;
  if (child) {
    const auto ended = child->wait();
    if (!ended) return tl::unexpected(ended.error());
    status = *ended;
    spdlog::log(status == 0 ? spdlog::level::info : spdlog::level::warn, "'{}' ended with exit status {}",
                options.command[0], status);
  }
  if (tape.readings() > 1 || ran)
    spdlog::info("{}{}", tape.what_is_in_it(), tape.readings() == 1 ? ": too few to compare" : "");
  if (!ran) return tl::unexpected(ran.error());
  if (auto finished = tape.writer().finish(); !finished) return tl::unexpected(finished.error());
  if (!ran->empty()) {
    complain("the end is not in it: " + *ran);
    if (status == 0) status = 1;
  }
  return status;
}

}  // namespace vqscope
