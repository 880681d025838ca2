// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "agent/comparison/changes.h"
#include "agent/comparison/units.h"
#include "agent/diagnosis/diagnosis.h"
#include "agent/model/model.h"
#include "agent/model/window.h"

namespace vqscope {

namespace {

constexpr double kMissedSeconds = static_cast<double>(kMissedNs) / 1e9,
                 kSlackSeconds = static_cast<double>(kLateNs) / 1e9;
// Requests have no tag left while they take this share of them on average over a second.
constexpr double kFull = 0.95;

void add(const std::vector<std::uint64_t>& counts, std::vector<std::uint64_t>& sums) {
  sums.resize(std::max(sums.size(), counts.size()));
  for (std::size_t i = 0; i < counts.size(); ++i) sums[i] += counts[i];
}

std::array<Totals::Op, VQS_OPS> sum_operations(const DeviceSnapshot& window) {
  std::array<Totals::Op, VQS_OPS> ops;
  for (const QueueCounters& queue : *window.queues)
    for (std::size_t op = 0; op < VQS_OPS; ++op) {
      if (!queue.ops[op]) continue;
      ops[op].device += queue.ops[op]->device;
      ops[op].queue += queue.ops[op]->queue;
      ops[op].bytes += queue.ops[op]->bytes;
      ops[op].errors += queue.ops[op]->errors;
    }
  for (Totals::Op& op : ops) op.requests = op.device.count();
  return ops;
}

// Of the requests that completed, so that Little's law holds for the very same requests as in rate and latency; a
// request of which the end was not seen does not count. What the kernel accounts beyond the histograms (requests that
// wait for a flush) does, as in avgqu-sz.
double queued_seconds(const DeviceSnapshot& window) {
  double sum = 0;
  for (const QueueCounters& queue : *window.queues)
    sum += static_cast<double>(std::max(queue.device_ns + queue.queue_ns, queue.time_ns)) / 1e9;
  return sum;
}

// Requests that can be between start and completion: before it has a tag, and be it the elevator's, a request is not
// seen. nullopt: not known.
std::optional<std::uint32_t> started_limit(const Disk& disk, std::size_t queue) {
  return disk.scheduler == "none" || disk.scheduler.empty() ? request_limit(disk, queue) : disk.nr_requests;
}

// The same of all queues.
std::optional<double> most_started(const Disk& disk) {
  double limit = 0;
  for (std::size_t q = 0; q < disk.queues.size(); ++q) {
    const auto tags = started_limit(disk, q);
    if (!tags) return std::nullopt;
    limit += *tags;
  }
  return limit;
}

// `at` as in Second.
Second make_second(const DeviceSnapshot& window, double seconds, double at) {
  Second second;
  second.seconds = seconds;
  second.at = at;
  second.queued_seconds = queued_seconds(window);
  for (const QueueCounters& queue : *window.queues) second.in_flight += queue.inflight;
  second.submission_cpus = effective_number(submissions_per_cpu(window)).value_or(0);
  second.time = request_time(window);
  const auto ops = sum_operations(window);
  for (std::size_t op = 0; op < VQS_OPS; ++op)
    if (ops[op].requests > 0 || ops[op].errors > 0)
      second.ops[op] = OpSecond{SparseHistogram(ops[op].device), SparseHistogram(ops[op].queue), ops[op].requests,
                                ops[op].bytes, ops[op].errors};
  return second;
}

}  // namespace

class SeriesMaker::Loader {
 public:
  Loader(std::string file, const Part& part) : part_(part) { series_.file = std::move(file); }

  void take(const DecodedSnapshot& snapshot) {
    const Reading& reading = snapshot.reading;
    place_in_time(snapshot);
    const bool follows = previous_ && previous_segment_ == snapshot.segment;
    if (previous_segment_ != snapshot.segment) previous_.reset();
    previous_segment_ = snapshot.segment;
    const bool chosen = !part_.segment || *part_.segment == snapshot.segment;
    if (chosen && time_ >= part_.window.begin - kSlackSeconds && time_ <= part_.window.end + kSlackSeconds) {
      if (!begun_) begin(snapshot);
      if (!follows && known_) tell_of_new_segment(snapshot);
      if (!follows) begin_run(snapshot);
      series_.runs.back().end_ns = reading.snapshot.time_ns;
      course_.add(reading.topology, reading.snapshot);
      tell_of_changes(snapshot);
      if (follows) add_interval(reading);
      previous_ = reading.snapshot;
      taken_ = time_;
    } else {
      previous_.reset();
    }
  }

  Result<Series> finish(const std::optional<RecordingDamage>& damage) {
    if (run_end_ && run_begin_) series_.findings = diagnose(series_.topology, *run_begin_, *run_end_, course_).findings;
    series_.seconds = last_ - series_.begin;
    for (const Restart& restart : restarts_) series_.notes.push_back(told(restart));
    if (!missed_.empty())
      series_.notes.push_back(
          fmt::format("there was no reading from {} into {}: what was done meanwhile counts as one second each time",
                      format_times(missed_), series_.file));
    if (std::isfinite(part_.window.end) && time_ < part_.window.end - kSlackSeconds)
      series_.notes.push_back(
          fmt::format("{} ends after {:.0f} s, so that the window up to {:.0f} s is cut short there", series_.file,
                      time_, part_.window.end));
    for (std::size_t i = 0; i < series_.devices.size(); ++i) {
      DeviceSeries& device = series_.devices[i];
      for (const auto& [name, note] : changes_)
        if (name == device.disk.name) device.notes.push_back(note);
      if (watched_[i].limit_known) device.full_share = watched_[i].full / std::max(watched_[i].seconds, 1e-9);
      if (watched_[i].last < last_ - 1.5)
        device.notes.push_back(
            fmt::format("{} vanished {:.0f} s into {}", device.disk.name, watched_[i].last, series_.file));
    }
    if (damage) series_.notes.push_back(cut_short(series_.file, *damage));
    if (series_.devices.empty()) {
      std::string why = "it is too short";
      if (std::isfinite(part_.window.end) || part_.window.begin > 0) why += " for that window";
      if (damage) why = damage->what;
      return fail(fmt::format("{} has no two readings of a disk to compare: {}", series_.file, why));
    }
    return std::move(series_);
  }

 private:
  struct Watched {
    double last = 0;  // time of the last reading with it
    double seconds = 0, full = 0;
    bool limit_known = false;
  };

  struct SetUp {
    RecordingHeader header;
    Topology topology;
  };

  // Of one kind.
  struct Restart {
    std::string_view what;
    bool anew = false;  // the counters began at 0 again
    std::vector<std::pair<double, double>> times;
    std::optional<double> lost_seconds = 0;  // between the readings before and after; absent: not known
  };

  // Sets time_: seconds from the recording's start.
  void place_in_time(const DecodedSnapshot& snapshot) {
    const std::uint64_t now = snapshot.reading.snapshot.time_ns;
    const bool other_boot = snapshot.header.boot_id != boot_id_ || snapshot.header.boot_id.empty();
    if (!origin_ || (snapshot.segment != timed_segment_ && other_boot) || now < last_ns_) {
      shift_ = origin_ ? time_ + 1 : 0;
      origin_ = now;
      boot_id_ = snapshot.header.boot_id;
    }
    timed_segment_ = snapshot.segment;
    last_ns_ = now;
    time_ = shift_ + static_cast<double>(now - *origin_) / 1e9;
  }

  void begin(const DecodedSnapshot& snapshot) {
    series_.header = snapshot.header;
    series_.begin = time_;
    begun_ = true;
  }

  // Readings that follow one another without a gap begin here.
  void begin_run(const DecodedSnapshot& snapshot) {
    const std::uint64_t now = snapshot.reading.snapshot.time_ns;
    series_.runs.push_back({snapshot.header.boot_id, now, now});
    run_begin_ = snapshot.reading.snapshot;
    run_end_.reset();
    course_ = Course();
  }

  // The reading before this one is of another segment.
  void tell_of_new_segment(const DecodedSnapshot& snapshot) {
    const RecordingHeader &before = known_->header, &now = snapshot.header;
    const bool booted = before.boot_id != now.boot_id,
               anew = booted || before.counting_since_ns != now.counting_since_ns;
    const std::string_view what = booted ? "the guest was booted"
                                  : anew ? "vqscope was started"
                                         : "recording was begun";
    const auto same =
        std::find_if(restarts_.begin(), restarts_.end(), [&](const Restart& r) { return r.what == what; });
    Restart& restart = same != restarts_.end() ? *same : restarts_.emplace_back(Restart{what, anew, {}});
    restart.times.emplace_back(time_, time_);
    if (booted)
      restart.lost_seconds.reset();
    else
      *restart.lost_seconds += time_ - taken_;
  }

  [[nodiscard]] std::string told(const Restart& restart) const {
    return fmt::format(
        "{} again, seen {} into {}: {}what was done in between{} is left out, and findings are of what "
        "came after",
        restart.what, format_times(restart.times), series_.file, restart.anew ? "counters began anew there, so " : "",
        restart.lost_seconds ? fmt::format(" ({:.0f} s)", *restart.lost_seconds) : std::string());
  }

  // What somebody turned while it was recorded.
  void tell_of_changes(const DecodedSnapshot& snapshot) {
    const Topology& now = snapshot.reading.topology;
    if (known_ && known_->header == snapshot.header && known_->topology == now) return;
    if (known_) {
      const auto sentence = [&](const TopologyChange& change) {
        return fmt::format("{}: {} -> {}, seen {:.0f} s into {}", change.what, change.before, change.after, time_,
                           series_.file);
      };
      for (const TopologyChange& change : changes_between(known_->header, known_->topology, snapshot.header, now))
        series_.notes.push_back(sentence(change));
      for (const Disk& disk : now.disks)
        for (const Disk& before : known_->topology.disks)
          if (before.name == disk.name)
            for (const TopologyChange& change : changes_between(before, disk))
              changes_.emplace_back(disk.name, sentence(change));
    }
    known_ = {snapshot.header, now};
  }

  DeviceSeries& series_of(const Disk& disk) {
    for (DeviceSeries& device : series_.devices)
      if (device.disk.name == disk.name) return device;
    watched_.emplace_back();
    return series_.devices.emplace_back();
  }

  void add_interval(const Reading& reading) {
    const double seconds = static_cast<double>(reading.snapshot.time_ns - previous_->time_ns) / 1e9;
    if (seconds <= 0) return;
    if (seconds > kMissedSeconds) missed_.emplace_back(taken_, time_);
    series_.topology = reading.topology;
    run_end_ = reading.snapshot;
    last_ = time_;
    add(difference(previous_->activity, reading.snapshot.activity), series_.activity);
    series_.activity_seconds += seconds;
    for (const DeviceSnapshot& now : reading.snapshot.devices) {
      const auto disk = std::find_if(reading.topology.disks.begin(), reading.topology.disks.end(),
                                     [&](const Disk& d) { return d.name == now.name; });
      if (disk == reading.topology.disks.end()) continue;
      DeviceSeries& device = series_of(*disk);
      Watched& watched = watched_[static_cast<std::size_t>(&device - series_.devices.data())];
      device.disk = *disk;
      device.online_cpus = reading.topology.online_cpus.size();
      watched.last = time_;
      const DeviceSnapshot* before = find_device(*previous_, now);
      if (before == nullptr || began_anew(*before, now)) {
        device.notes.push_back(fmt::format("the counters of {} began anew {:.0f} s into {}; that second is left out",
                                           now.name, time_, series_.file));
        continue;
      }
      add_window(difference(*before, now), seconds, device, watched);
    }
  }

  static void add_window(const DeviceSnapshot& window, double seconds, DeviceSeries& device, Watched& watched) {
    add(interrupts_per_cpu(window), device.interrupts);
    if (!window.queues) return;
    device.traced = true;
    add(submissions_per_cpu(window), device.submissions);
    for (const QueueCounters& queue : *window.queues) {
      device.requeues += queue.requeues;
      for (const OriginCounters& origin : queue.origins) {
        device.local += origin.local;
        device.cross += origin.cross;
      }
    }
    for (const Boxed<Histogram>& notify : window.notifies)
      if (notify) device.notifications = device.notifications.value_or(0) + notify->count();
    device.most_started = most_started(device.disk);
    if (device.most_started) {
      watched.limit_known = true;
      watched.seconds += seconds;
      if (queued_seconds(window) >= kFull * *device.most_started * seconds) watched.full += seconds;
    }
    device.seconds.push_back(make_second(window, seconds, watched.last));
    device.totals.add(device.seconds.back());
  }

  Series series_;
  const Part part_;
  bool begun_ = false;
  std::optional<std::uint64_t> origin_;  // CLOCK_MONOTONIC at shift_
  double shift_ = 0, time_ = 0, last_ = 0;
  double taken_ = 0;  // time_ of the reading before
  std::uint64_t last_ns_ = 0;
  std::string boot_id_;
  std::size_t timed_segment_ = 0, previous_segment_ = 0;
  std::optional<Snapshot> previous_;
  std::optional<Snapshot> run_begin_, run_end_;               // first and last reading of the run
  Course course_;                                             // in the run
  std::optional<SetUp> known_;                                // as it was at the reading before
  std::vector<std::pair<std::string, std::string>> changes_;  // a disk's name, and a sentence
  std::vector<Restart> restarts_;
  std::vector<std::pair<double, double>> missed_;  // from one reading to the next, where that took too long
  std::vector<Watched> watched_;                   // by Series::devices
};

SeriesMaker::SeriesMaker(std::string file, const Part& part)
    : loader_(std::make_unique<Loader>(std::move(file), part)) {}
SeriesMaker::~SeriesMaker() = default;
void SeriesMaker::take(const DecodedSnapshot& snapshot) { loader_->take(snapshot); }
Result<Series> SeriesMaker::finish(const std::optional<RecordingDamage>& damage) { return loader_->finish(damage); }

SparseHistogram::SparseHistogram(const Histogram& histogram) : sum_ns(histogram.sum_ns) {
  const auto [begin, end] = histogram.range();
  for (std::size_t cell = begin; cell < end; ++cell)
    if (const std::uint64_t count = histogram.cells()[cell])
      cells.emplace_back(static_cast<std::uint16_t>(cell), count);
}

void SparseHistogram::add_to(Histogram& histogram) const {
  for (const auto& [cell, count] : cells) histogram.add(cell, count);
  histogram.sum_ns += sum_ns;
}

void Totals::add(const Second& second) {
  seconds += second.seconds;
  queued_seconds += second.queued_seconds;
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    if (!second.ops[op]) continue;
    second.ops[op]->device.add_to(ops[op].device);
    second.ops[op]->queue.add_to(ops[op].queue);
    ops[op].requests += second.ops[op]->requests;
    ops[op].bytes += second.ops[op]->bytes;
    ops[op].errors += second.ops[op]->errors;
  }
}

std::uint64_t Totals::requests() const {
  std::uint64_t sum = 0;
  for (const Op& op : ops) sum += op.requests;
  return sum;
}

std::uint64_t Totals::bytes() const {
  std::uint64_t sum = 0;
  for (const Op& op : ops) sum += op.bytes;
  return sum;
}

const DeviceSeries* Series::find(const std::string& name) const {
  for (const DeviceSeries& device : devices)
    if (device.disk.name == name) return &device;
  return nullptr;
}

double shared_seconds(const Series& a, const Series& b) {
  double shared = 0;
  for (const Run& x : a.runs)
    for (const Run& y : b.runs) {
      const std::uint64_t begin = std::max(x.begin_ns, y.begin_ns), end = std::min(x.end_ns, y.end_ns);
      if (!x.boot_id.empty() && x.boot_id == y.boot_id && end > begin) shared += static_cast<double>(end - begin) / 1e9;
    }
  return shared;
}

}  // namespace vqscope
