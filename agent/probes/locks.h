// SPDX-License-Identifier: Apache-2.0
// Which locks belong to which disk, for the programs, and what was waited for them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "agent/model/snapshot.h"
#include "agent/probes/arrays.h"
#include "agent/probes/layout.h"
#include "agent/probes/lock_paths.h"

namespace vqscope {

// Tells the programs how to find the locks of each disk, has rq_issue find them, and enters what it found into the
// table that lock_begin and lock_end look into. Makes no bpf() call. Not thread-safe.
class Locks {
 public:
  // The arrays must outlive it.
  explicit Locks(const Arrays& arrays) : arrays_(arrays) {}
  Locks(const Locks&) = delete;
  Locks& operator=(const Locks&) = delete;

  // After Layout::apply() of the same topology. Finds the paths of disks that have come or have another elevator now,
  // which takes the kernel's type information, some megabytes; what cannot be found is logged once. Then the locks of
  // all disks are looked for anew: they move when a machine wakes up or an elevator is set twice.
  void place(const Topology& topology, const Layout& layout);

  // To be called once a second or more often: enters what was learned, and asks for what was not. `now_ns` is
  // CLOCK_MONOTONIC.
  void update(const Layout& layout, std::uint64_t now_ns);

  // Gives each device its locks. What was waited for is counted from 0 again when a lock is another than before, and
  // when its disk has outgrown its place. Takes as long as there are locks, and pairs of a lock and a CPU that has
  // waited for it.
  void read(const Layout& layout, Snapshot& snapshot) const;

 private:
  struct Known {
    std::uint64_t instance = 0;  // of the disk
    std::string driver, scheduler;
    // By kind: what earlier rounds found was of other paths, or of another disk. 0: none is known.
    std::array<std::uint32_t, VQS_LOCKS> since_round = {};

    [[nodiscard]] bool is_of(const Disk& disk, const DiskPlace& place) const {
      return instance == place.instance && driver == disk.driver && scheduler == disk.scheduler;
    }
  };
  struct Way {
    std::uint32_t set = 0, way = 0;
  };

  void find_paths(const Disk& disk, std::uint32_t entry, const btf* kernel, const ModuleTypes& module,
                  std::array<std::uint32_t, VQS_LOCKS>& since_round);
  void close_round();
  std::map<std::uint64_t, std::uint32_t> learned(const Layout& layout);
  void enter(const std::map<std::uint64_t, std::uint32_t>& wanted);
  [[nodiscard]] bool knows_less_than_is_used(const Layout& layout) const;

  const Arrays& arrays_;
  std::map<std::uint32_t, Known> known_;  // by entry of Arrays::disks
  std::map<std::uint64_t, Way> table_;    // by address
  // By index in Arrays::locks: where it is counted, which is elsewhere if disks share it.
  std::map<std::uint32_t, std::uint32_t> counted_at_;
  std::set<std::string> told_;
  std::uint32_t round_ = 0;
  std::uint64_t round_since_ns_ = 0;
  bool asked_ = false;  // for another round
};

}  // namespace vqscope
