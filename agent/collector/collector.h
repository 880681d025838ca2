// SPDX-License-Identifier: Apache-2.0
// Owns the probes, the arrays, the layout and the trailing window; turns them into a Model on request.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/diagnosis/course.h"
#include "agent/diagnosis/tracker.h"
#include "agent/model/model.h"
#include "agent/model/reading.h"
#include "agent/probes/interrupts.h"
#include "agent/probes/layout.h"
#include "agent/probes/locks.h"
#include "agent/probes/probe.h"
#include "agent/probes/reader.h"

namespace vqscope {

struct CollectorOptions {
  SystemPaths paths;
  DeviceFilter filter;
  std::vector<std::string> required_probes;  // names of probe_kinds()
  std::uint64_t window_ns = 10'000'000'000;
};

// All functions are thread-safe.
class Collector {
 public:
  // Reads the topology and attaches whatever probes this kernel takes; what it does not take is logged once, and what
  // procfs and sysfs give is served instead. Fails when the topology cannot be read or a required probe is missing.
  static Result<std::unique_ptr<Collector>> create(CollectorOptions options);

  // Reads everything now.
  Model collect();

  // Reads everything now, and derives nothing.
  Reading reading();

  // CLOCK_MONOTONIC before the probes were attached: they counted nothing earlier.
  [[nodiscard]] std::uint64_t counting_since_ns() const { return counting_since_ns_; }

  // Takes the sample from which the window's gauges and the findings are derived, and returns it; to be called about
  // once a second. With histograms it has the time of the CPUs, too.
  Reading sample(Detail detail = Detail::kCounters);

  // Reads the topology anew: disks and CPUs that came or went, queues that changed. False when it is to be done again
  // in a second: it could not be read, and what was known stays in force, or an interrupt line waits (see
  // Layout::apply()).
  bool refresh();

  // What is measured, for people: "2 disks, probes: irq, block".
  [[nodiscard]] std::string summary() const;

  // Memory of the arrays shared with BPF; 0 without BPF.
  [[nodiscard]] std::size_t array_bytes() const { return arrays_ ? arrays_->bytes() : 0; }

  // It is time for a refresh: requests were lost because a disk grew since the last one, or a disk has another
  // elevator, whose lock is another.
  [[nodiscard]] bool outdated() const;

 private:
  explicit Collector(CollectorOptions options) : options_(std::move(options)) {}

  Result<void> attach_probes();
  void count_missed_runs();
  void count_missed_interrupts();
  void look_after_old_requests();
  void tell_of_disks_without_room();
  void tell_of_disks_without_numbers();
  Snapshot read(Detail detail) const;
  void look_for_findings(Snapshot now);
  [[nodiscard]] std::uint64_t out_of_range() const;

  CollectorOptions options_;
  std::optional<std::string> hypervisor_;
  std::uint64_t counting_since_ns_ = monotonic_ns();
  mutable std::mutex mutex_;
  Topology topology_;
  std::optional<Arrays> arrays_;    // absent without BPF
  std::unique_ptr<Layout> layout_;  // null without BPF
  std::unique_ptr<Locks> locks_;    // null without the lock probe, and without the block probe, which finds the locks
  ProbesUp up_;
  std::vector<ProbeStatus> statuses_;
  std::vector<ProbePtr> probes_;  // by statuses_; null: not attached. After the arrays: detached first
  std::vector<std::optional<std::uint64_t>> last_missed_runs_;  // by statuses_: at the last sample
  InterruptAudit interrupts_;
  std::deque<Snapshot> window_;  // without histograms, oldest first
  Snapshot last_;                // the last reading, without histograms
  Snapshot findings_since_;      // where the window of the findings begins, condensed
  Course course_;                // in that window
  FindingTracker findings_;
  std::uint64_t handled_range_losses_ = 0;
  std::string looked_after_;         // the disk whose old requests were looked after last
  std::set<std::uint64_t> told_of_;  // instances of disks without room
  bool topology_unreadable_ = false;
  bool accounting_unreadable_ = false;
};

}  // namespace vqscope
