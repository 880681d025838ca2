// SPDX-License-Identifier: Apache-2.0
// From readings to what one picture shows of them, and to nothing that it does not show. An object serves one thread at
// a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/commands/top/history.h"
#include "agent/commands/top/ui.h"
#include "agent/diagnosis/recent.h"
#include "agent/view/disk_view.h"
#include "agent/view/guest_view.h"
#include "agent/view/matrix.h"

namespace vqscope {

// The latency of a disk's requests between a reading and the one before.
struct StripColumn {
  bool measured = false;  // false: they cannot be compared, or there is no request to be seen
  Histogram before_issue, at_device;
};

// A disk that is open.
struct DiskPicture {
  Disk disk;
  DiskView view;
  std::vector<QueueView> queues;
  std::optional<QueueMatrix> matrix;  // absent without a window
  std::vector<StripColumn> strip;     // of the last minute, the oldest first
  double strip_seconds = 0;           // that these took
};

struct Picture {
  std::uint64_t realtime_ns = 0;
  std::optional<double> seconds;  // of the window; absent: there is none
  Topology topology;
  std::vector<ProbeStatus> probes;
  GuestView guest;
  std::vector<DiskView> disks;      // of kDisks
  std::optional<DiskPicture> disk;  // of kDisk; absent if there is no such disk
  RecentFindings findings;          // of kDisks and kFindings
};

// What is known before there is a reading.
Picture outline(const Topology& topology, std::uint64_t realtime_ns, const Ui& ui);

class Scene {
 public:
  // Of a history, which has to outlive it.
  explicit Scene(const History& history) : history_(history) {}

  // Of the reading ui.shown, which is to be one of the history's.
  Result<Picture> picture(const Ui& ui);

 private:
  // A reading, and the one before if their counters are of one run.
  struct Pair {
    std::size_t index = 0;
    RecordingHeader header;  // of `now`
    Reading now;
    std::optional<Reading> before;
  };
  // The readings up to one, and what was found in them.
  struct Judged {
    std::size_t index = 0;
    RecordingHeader header;
    RecentReadings readings;
    RecentFindings findings;
  };

  Result<void> load(std::size_t index);
  Result<void> judge(std::size_t index);
  Result<void> fill_strip(std::size_t index);
  [[nodiscard]] std::optional<DiskWindow> window_of(const Disk& disk) const;
  Result<DiskPicture> disk_picture(const Disk& disk);

  const History& history_;
  std::optional<Pair> pair_;
  std::optional<Judged> judged_;
  std::string strip_disk_;
  std::map<std::size_t, StripColumn> strip_;  // by number of the later reading
};

}  // namespace vqscope
