// SPDX-License-Identifier: Apache-2.0
// What a disk did between two readings, in the numbers that people look at. doctor, top and the page show the same,
// because it comes from here. Pure and thread-safe.
//
// What is not asked for is not computed: a list of disks takes disk_view() of each, and only the disk that is opened
// its queues and its matrix (matrix.h). What was not measured is absent.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/diagnosis/measured.h"
#include "agent/model/reading.h"
#include "agent/view/latency.h"

namespace vqscope {

// A disk that was there at both ends of a window, and its counters there.
struct DiskWindow {
  DeviceSnapshot grown;  // the difference of two readings with histograms
  Measured measured;     // without what readings between them would tell (full queues, steadiness)
};

// Absent for a disk that is in `later` only, that was replaced, or whose counters began anew.
std::optional<DiskWindow> disk_window(const Snapshot& earlier, const Snapshot& later, const std::string& name);

// Completed requests of one operation.
struct OperationView {
  double requests_rate = 0, bytes_rate = 0;  // a second
  std::uint64_t errors = 0;
  Latency at_device;     // issue -> completion: the host, and the completion in the guest
  Latency before_issue;  // start -> issue: in the guest
};

// Now, which takes no window.
struct InFlight {
  std::uint64_t requests = 0;            // issued and not completed
  std::optional<double> oldest_seconds;  // age of the oldest; absent: there is none
};

struct DiskView {
  std::string name;
  std::size_t queues = 0;            // hardware queues
  std::optional<InFlight> inflight;  // absent without the block probe and without the kernel's accounting
  // The next are absent without a window, or where requests are not seen.
  std::optional<double> requests_rate, bytes_rate;               // a second, all operations
  std::array<std::optional<OperationView>, VQS_OPS> operations;  // by enum vqs_op_kind; absent also: none completed
  Latency at_device, before_issue;                               // of all operations
  std::optional<double> average_inflight;                        // at the device, exact
  std::optional<double> avgqu_sz;                                // from start to completion: iostat's aqu-sz
  std::optional<double> submission_cpus;                         // vCPUs that submit, in effect
  std::optional<RequestTime> time;                               // where it goes; absent also without requests
  std::optional<QueueCost> cost;
  std::uint64_t requeues = 0;
  // Absent without a window.
  std::optional<double> interrupts_rate;
  std::optional<std::size_t> busiest_cpu;  // takes most interrupts; absent also: there was none
  std::optional<double> busiest_share;     // of the interrupts, 0 to 1
};

// `window` is that of the disk, or null; `now` the disk in the later reading, or null.
DiskView disk_view(const Disk& disk, const DeviceSnapshot* now, const DiskWindow* window);

// "virtio_blk, virtio-pci, 0000:00:02.0, elevator none"
std::string who_is(const Disk& disk);

// Share of the requests' time that was spent at the host, 0 to 1; absent where completions were not told apart.
std::optional<double> host_share(const RequestTime& time);

struct QueueView {
  std::size_t queue = 0;
  std::optional<QueueType> type;       // absent: not known
  std::vector<std::uint32_t> cpus;     // whose submissions it takes
  std::optional<std::uint32_t> limit;  // requests that it can hold; absent: not known
  InFlight inflight;
  // The next are absent without a window.
  std::optional<double> requests_rate;
  std::optional<double> share;  // of the disk's requests, 0 to 1; absent also: there was none
  std::optional<double> average_inflight, avgqu_sz;
  Latency at_device, before_issue;
};

// By hardware queue; empty where requests are not seen.
std::vector<QueueView> queue_views(const Disk& disk, const DeviceSnapshot* now, const DiskWindow* window);

// Sums over operations and, without `queue`, over queues. Of a queue that is not there it is empty.
enum class Phase { kBeforeIssue, kAtDevice };
Histogram latency_histogram(const DeviceSnapshot& grown, Phase phase, std::optional<std::size_t> queue);

}  // namespace vqscope
