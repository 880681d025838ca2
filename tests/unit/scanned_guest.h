// SPDX-License-Identifier: Apache-2.0
// Guests from their files to what is found under a made load, for tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/diagnosis/finding.h"
#include "agent/diagnosis/remedies.h"
#include "agent/model/model.h"
#include "tests/unit/guest.h"

namespace vqscope::test {

inline Topology scan(const Guest& guest, std::optional<std::string_view> hypervisor = "KVMKVMKVM") {
  const Tree tree = guest.unpack();
  const auto filter = DeviceFilter::create("", "");
  auto topology = scan_topology(tree.paths, *filter, hypervisor);
  if (!topology) throw std::runtime_error(topology.error().message);
  return std::move(*topology);
}

inline const Disk& disk_of(const Topology& topology, const std::string& name) {
  for (const Disk& disk : topology.disks)
    if (disk.name == name) return disk;
  throw std::runtime_error("there is no " + name);
}

// What a disk did in 10 s: requests of one type by CPU, each queue's on the CPUs that it serves, and interrupts by CPU.
struct Load {
  std::vector<std::uint64_t> requests;
  std::vector<std::uint64_t> interrupts;
  QueueType type = QueueType::kDefault;
  double inflight = 8;  // on average
};

inline Measured measure(const Disk& disk, const Load& load) {
  Measured measured;
  measured.seconds = 10;
  measured.has_requests = true;
  measured.average_inflight = load.inflight;
  measured.submissions = load.requests;
  measured.interrupts = load.interrupts;
  measured.submission_cpus = effective_number(load.requests);
  measured.interrupt_share = concentration(load.interrupts);
  for (const std::uint64_t count : load.requests) measured.requests_rate += static_cast<double>(count) / 10;
  for (const std::uint64_t count : load.interrupts) measured.interrupts_rate += static_cast<double>(count) / 10;
  for (const HardwareQueue& queue : disk.queues) {
    QueueLoad& of_queue = measured.queues.emplace_back();
    of_queue.submissions.resize(load.requests.size());
    if (queue.type && queue.type != load.type) continue;
    const auto is_alike = [&](const HardwareQueue& other) { return other.type == queue.type; };
    if (std::count_if(disk.queues.begin(), disk.queues.end(), is_alike) == 1) of_queue.interrupts = load.interrupts;
    for (const std::uint32_t cpu : queue.cpus)
      if (cpu < load.requests.size()) of_queue.submissions[cpu] = load.requests[cpu];
  }
  return measured;
}

inline std::vector<Finding> findings(const Topology& topology, const std::string& name, const Load& load = {}) {
  const Disk& disk = disk_of(topology, name);
  const Measured measured = measure(disk, load);
  return find_all(DiskEvidence{topology, disk, measured});
}

inline std::vector<std::string> found(const Topology& topology, const std::string& name, const Load& load = {}) {
  std::vector<std::string> names;
  for (const Finding& finding : findings(topology, name, load))
    names.push_back(std::string(finding.kind->id) + " " + std::string(name_of(finding.found.severity)));
  return names;
}

inline Found only(const Topology& topology, const std::string& name, const Load& load = {}) {
  const auto all = findings(topology, name, load);
  EXPECT_THAT(found(topology, name, load), ::testing::SizeIs(1));
  return all.empty() ? Found{} : all.front().found;
}

inline Instructions remedy(const Found& found, const Topology& topology, const std::string& disk,
                           Platform platform = Platform::kQemu) {
  return instructions_for(found.remedy, &disk_of(topology, disk), topology, {platform});
}

inline std::string snippets(const Instructions& instructions) {
  std::string text;
  for (const Step& step : instructions.steps) text += step.snippet + "\n";
  return text;
}

inline const Load kFourCpus = {{60'000, 60'000, 60'000, 60'000}, {}};
inline const Load kEightCpus = {std::vector<std::uint64_t>(8, 30'000), {100'000, 0, 0, 0, 100'000, 0, 0, 0}};
inline const Load kEightCpusOneInterrupted = {std::vector<std::uint64_t>(8, 30'000), {200'000, 0, 0, 0, 0, 0, 0, 0}};
inline const Load kFourCpusOneInterrupted = {{60'000, 60'000, 60'000, 60'000}, {200'000, 0, 0, 0}};

}  // namespace vqscope::test
