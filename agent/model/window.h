// SPDX-License-Identifier: Apache-2.0
// What happened between two readings. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/model/snapshot.h"

namespace vqscope {

// The device of the same name and instance in a snapshot; null when it is not there.
const DeviceSnapshot* find_device(const Snapshot& snapshot, const DeviceSnapshot& device);

// Whether the device's counters fell between two readings with histograms: they began anew, and their difference means
// nothing.
bool began_anew(const DeviceSnapshot& before, const DeviceSnapshot& now);

// Counters of `later` less those of `earlier`, of the devices, queues, interrupt lines and CPUs that are in both; a
// counter that is smaller than before (a CPU was unplugged) grew by 0. What is true of a moment (in flight, oldest
// age) is that of `later`, and time_ns is the length of the window. An operation or a lock that `earlier` has not
// seen began at 0, so both must be readings with histograms where the window's histograms matter.
Snapshot difference(const Snapshot& earlier, const Snapshot& later);
DeviceSnapshot difference(const DeviceSnapshot& earlier, const DeviceSnapshot& later);
std::vector<CompletionCpu> difference(const std::vector<CompletionCpu>& earlier,
                                      const std::vector<CompletionCpu>& later);

// The same of the guest only.
Snapshot difference_without_devices(const Snapshot& earlier, const Snapshot& later);

// The same of what without_histograms() leaves.
DeviceSnapshot difference_without_histograms(const DeviceSnapshot& earlier, const DeviceSnapshot& later);

// All but the histograms, and with them what is counted by operation (its bytes are summed up): a tenth of the memory,
// and enough for gauges over a window.
Snapshot without_histograms(const Snapshot& snapshot);
DeviceSnapshot without_histograms(const DeviceSnapshot& device);

// Adds counts by CPU number to others.
void add_counts(const std::vector<std::uint64_t>& counts, std::vector<std::uint64_t>& total);

// Sums over a device, by CPU number.
std::vector<std::uint64_t> interrupts_per_cpu(const DeviceSnapshot& device);
std::vector<std::uint64_t> submissions_per_cpu(const DeviceSnapshot& device);

// The value in seconds below which the share q (0 to 1) of the durations lies, interpolated inside of a bucket as
// Prometheus does for native histograms of exponential buckets; nullopt when the histogram is empty. Durations above
// 256 s count as 256 s.
std::optional<double> quantile(const Histogram& histogram, double q);

}  // namespace vqscope
