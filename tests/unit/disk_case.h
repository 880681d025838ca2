// SPDX-License-Identifier: Apache-2.0
// A disk and what it did, for tests of findings.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "agent/diagnosis/finding.h"
#include "agent/model/buckets.h"
#include "agent/model/model.h"

namespace vqscope::test {

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

// A guest with one disk and what it did in 10 s.
struct Case {
  Topology topology;
  Measured measured;

  [[nodiscard]] Disk& disk() { return topology.disks.front(); }

  Case& cpus(std::uint32_t count) {
    topology.online_cpus.clear();
    for (std::uint32_t cpu = 0; cpu < count; ++cpu) topology.online_cpus.push_back(cpu);
    topology.possible_cpus = count;
    return *this;
  }

  // Virtio queues that share the vCPUs evenly, each with a line of its own.
  Case& queues(std::uint32_t count) {
    disk().queues.clear();
    disk().interrupts.clear();
    for (std::uint32_t q = 0; q < count; ++q) {
      disk().queues.push_back({q, {}, 128});
      disk().interrupts.push_back({30 + q, q, "virtio1-req." + std::to_string(q)});
    }
    measured.queues.resize(count);
    return *this;
  }

  // Completed requests in 10 s, by CPU, each ended by an interrupt.
  Case& requests(std::vector<std::uint64_t> by_cpu) {
    measured.submissions = std::move(by_cpu);
    std::uint64_t total = 0;
    for (const std::uint64_t count : measured.submissions) total += count;
    measured.interrupted_rate = measured.requests_rate = static_cast<double>(total) / measured.seconds;
    measured.submission_cpus = effective_number(measured.submissions);
    return *this;
  }

  // As many from each queue.
  Case& interrupts(std::vector<std::uint64_t> by_cpu) {
    measured.interrupts = std::move(by_cpu);
    for (QueueLoad& queue : measured.queues) queue.interrupts = measured.interrupts;
    std::uint64_t total = 0;
    for (const std::uint64_t count : measured.interrupts) total += count;
    measured.interrupts_rate = static_cast<double>(total) / measured.seconds;
    measured.interrupt_share = concentration(measured.interrupts);
    return *this;
  }

  Case& latency(std::size_t op, double device_seconds, double queue_seconds, std::uint64_t count,
                std::uint64_t bytes = 4096) {
    add(measured.ops[op].device, device_seconds, count);
    add(measured.ops[op].queue, queue_seconds, count);
    measured.ops[op].bytes += count * bytes;
    measured.bytes_rate += static_cast<double>(count * bytes) / measured.seconds;
    return *this;
  }

  // What the layout costs in this guest, as a share of the requests' time, and the share of the busiest vCPU's time.
  Case& cost(double ratio, double busiest_cpu = 0) {
    measured.cost = {1, ratio, 0, ratio, 0, 0.0, busiest_cpu};
    return *this;
  }

  // On average, in each queue.
  Case& inflight(double average) {
    for (QueueLoad& queue : measured.queues) queue.average_inflight = average;
    measured.average_inflight = average * static_cast<double>(measured.queues.size());
    return *this;
  }

  static void add(Histogram& histogram, double seconds, std::uint64_t count) {
    const auto ns = static_cast<std::uint64_t>(seconds * 1e9);
    int index = VQS_FIRST_INDEX;
    while (upper_bound_ns(index) < ns) ++index;
    histogram.add(static_cast<std::size_t>(index - VQS_FIRST_INDEX + 1), count);
    histogram.sum_ns += ns * count;
  }

  [[nodiscard]] std::vector<Finding> findings() const {
    return find_all(DiskEvidence{topology, topology.disks.front(), measured});
  }

  // "single_queue critical", ...
  [[nodiscard]] std::vector<std::string> found() const {
    std::vector<std::string> names;
    for (const Finding& finding : findings())
      names.push_back(std::string(finding.kind->id) + " " + std::string(name_of(finding.found.severity)));
    return names;
  }

  [[nodiscard]] Found only() const {
    const auto all = findings();
    EXPECT_EQ(all.size(), 1U) << ::testing::PrintToString(found());
    return all.empty() ? Found{} : all.front().found;
  }
};

// A virtio-blk disk of a QEMU guest.
inline Case disk(std::uint32_t queues, std::uint32_t cpus) {
  Case result;
  result.topology.vmm = "qemu";
  Disk vda;
  vda.name = "vda";
  vda.driver = "virtio_blk";
  vda.transport = "virtio-pci";
  vda.bus_id = "0000:00:02.0";
  vda.scheduler = "none";
  vda.nr_requests = 128;
  vda.virtio = VirtioDevice{1, 0};
  result.topology.disks.push_back(vda);
  result.measured.seconds = 10;
  result.measured.has_requests = true;
  return result.queues(queues).cpus(cpus);
}

// Whose requests meet each other.
inline Case loaded_disk(std::uint32_t queues, std::uint32_t cpus) {
  Case result = disk(queues, cpus);
  result.measured.average_inflight = 8;
  return result;
}

}  // namespace vqscope::test
