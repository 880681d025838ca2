// SPDX-License-Identifier: Apache-2.0
// What readings say of each disk, second by second and in sum: what a comparison works with. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/boxed.h"
#include "agent/base/result.h"
#include "agent/diagnosis/finding.h"
#include "agent/model/request_time.h"
#include "agent/model/snapshot.h"
#include "agent/recording/reader.h"

namespace vqscope {

// The cells of a histogram that are not empty, by number.
struct SparseHistogram {
  std::vector<std::pair<std::uint16_t, std::uint64_t>> cells;
  std::uint64_t sum_ns = 0;

  SparseHistogram() = default;
  explicit SparseHistogram(const Histogram& histogram);
  void add_to(Histogram& histogram) const;
};

// Requests of one operation in a second, over all queues.
struct OpSecond {
  SparseHistogram device, queue;  // as OpCounters
  std::uint64_t requests = 0, bytes = 0, errors = 0;
};

// From one reading to the next, about a second.
struct Second {
  double seconds = 0;               // its length
  double at = 0;                    // seconds from the recording's start to its end
  double queued_seconds = 0;        // time that the completed requests together spent in queue or at the device
  std::uint32_t in_flight = 0;      // at its end, over all queues
  double submission_cpus = 0;       // effective number of vCPUs that submitted; 0 without requests
  std::optional<RequestTime> time;  // of the completed requests; absent without any
  std::array<Boxed<OpSecond>, VQS_OPS> ops;  // absent: none completed
};

// The sum over seconds.
struct Totals {
  double seconds = 0, queued_seconds = 0;
  struct Op {
    Histogram device, queue;
    std::uint64_t requests = 0, bytes = 0, errors = 0;
  };
  std::array<Op, VQS_OPS> ops;

  void add(const Second& second);
  [[nodiscard]] std::uint64_t requests() const;
  [[nodiscard]] std::uint64_t bytes() const;
};

struct DeviceSeries {
  Disk disk;                    // as it was last
  std::size_t online_cpus = 0;  // of the guest
  bool traced = false;          // requests were: there was a block probe
  std::vector<Second> seconds;  // without gaps in counters, but perhaps in time
  double left_out_seconds = 0;  // bursts that are no longer in `seconds` and `totals`
  Totals totals;
  std::vector<std::uint64_t> interrupts, submissions;  // by CPU
  std::uint64_t local = 0, cross = 0;                  // completions, on the vCPU that submitted or on another
  std::optional<std::uint64_t> notifications;          // absent without the notify probe
  std::uint64_t requeues = 0;
  std::optional<double> most_started;  // requests that can be between start and completion, as it was last
  std::optional<double> full_share;  // share of the time with all requests that the queues can hold; absent: not known
  std::vector<std::string> notes;    // sentences about what went on: vanished, began anew
};

// Readings without a gap, by the guest's CLOCK_MONOTONIC.
struct Run {
  std::string boot_id;  // empty: not known
  std::uint64_t begin_ns = 0, end_ns = 0;
};

struct Series {
  std::string file;        // or what else the readings are of, for people
  RecordingHeader header;  // of the first segment
  double begin = 0;        // seconds from the recording's start to the first reading that counts
  double seconds = 0;      // from there to the last
  Topology topology;       // as it was last
  GuestActivity activity;  // how much it grew
  double activity_seconds = 0;
  std::vector<Run> runs;
  std::vector<DeviceSeries> devices;
  std::vector<Finding> findings;  // over all of it; where there are several segments, over the last of them
  std::vector<std::string> notes;

  [[nodiscard]] const DeviceSeries* find(const std::string& name) const;
};

// Seconds from a recording's start.
struct TimeWindow {
  double begin = 0;
  double end = std::numeric_limits<double>::infinity();
};

// Which part of a recording.
struct Part {
  TimeWindow window;
  std::optional<std::size_t> segment;  // counted from 0; absent: all
};

// Seconds of the same boot of the same guest that are in both.
double shared_seconds(const Series& a, const Series& b);

// Makes a series of readings that are taken one after the other. An object serves one thread at a time.
class SeriesMaker {
 public:
  // `file` as in Series.
  explicit SeriesMaker(std::string file, const Part& part = {});
  ~SeriesMaker();
  SeriesMaker(const SeriesMaker&) = delete;
  SeriesMaker& operator=(const SeriesMaker&) = delete;

  // The time of a segment that was recorded after another boot of the guest than the one before it follows right after
  // that one; within a boot CLOCK_MONOTONIC tells.
  void take(const DecodedSnapshot& snapshot);

  // Once. Fails when there were no two readings of a disk. `damage`: why there are no more.
  Result<Series> finish(const std::optional<RecordingDamage>& damage = std::nullopt);

 private:
  class Loader;
  std::unique_ptr<Loader> loader_;
};

}  // namespace vqscope
