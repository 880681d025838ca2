// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/diagnosis.h"

#include <algorithm>

#include "agent/model/window.h"

namespace vqscope {

namespace {

// Into one; into none where one of them was not counted, so that their number is not known.
void condense(std::vector<Boxed<Histogram>>& notifies) {
  if (!std::ranges::all_of(notifies, [](const Boxed<Histogram>& queue) { return static_cast<bool>(queue); }))
    notifies.clear();
  for (std::size_t q = 1; q < notifies.size(); ++q) *notifies.front() += *notifies[q];
  notifies.resize(std::min<std::size_t>(notifies.size(), 1));
}

}  // namespace

Diagnosis diagnose(const Topology& topology, const Snapshot& earlier, const Snapshot& later, const Course& course,
                   std::optional<Platform> platform) {
  const Snapshot window = difference(earlier, later);
  Diagnosis diagnosis;
  diagnosis.seconds = static_cast<double>(window.time_ns) / 1e9;
  for (const DeviceSnapshot& device : window.devices) {
    const auto disk = std::find_if(topology.disks.begin(), topology.disks.end(),
                                   [&](const Disk& d) { return d.name == device.name; });
    if (disk == topology.disks.end()) continue;
    DiskDiagnosis& result = diagnosis.disks.emplace_back(
        DiskDiagnosis{*disk, measure(device, window.completion_cpus, diagnosis.seconds,
                                     course.full_time().shares(device), course.slices(device))});
    std::vector<std::uint64_t> used = result.measured.submissions;
    add_counts(result.measured.interrupts, used);
    result.measured.stolen = most_stolen(window.cpu_times);
    result.measured.busiest_used = busiest_of(window.cpu_times, used);
    for (Finding& finding : find_all(DiskEvidence{topology, *disk, result.measured, platform}))
      diagnosis.findings.push_back(std::move(finding));
  }
  for (Finding& finding : find_all(GuestEvidence{topology, window.cpu_times}))
    diagnosis.findings.push_back(std::move(finding));
  std::stable_sort(diagnosis.findings.begin(), diagnosis.findings.end(), [](const Finding& a, const Finding& b) {
    if (a.found.severity != b.found.severity) return a.found.severity > b.found.severity;
    return a.kind < b.kind;  // rows of one table
  });
  return diagnosis;
}

void condense(Snapshot& snapshot) {
  for (DeviceSnapshot& device : snapshot.devices) {
    condense(device.notifies);
    for (VectorCounters& vector : device.vectors) vector.handler.reset();
    if (!device.queues || device.queues->empty()) continue;
    auto& sums = device.queues->front().ops;
    for (std::size_t q = 1; q < device.queues->size(); ++q)
      for (std::size_t op = 0; op < VQS_OPS; ++op) {
        Boxed<OpCounters>& counters = (*device.queues)[q].ops[op];
        if (!counters) continue;
        if (!sums[op]) sums[op].emplace();
        sums[op]->device += counters->device;
        sums[op]->queue += counters->queue;
        sums[op]->bytes += counters->bytes;
        sums[op]->errors += counters->errors;
        counters.reset();
      }
  }
}

}  // namespace vqscope
