// SPDX-License-Identifier: Apache-2.0
// A guest with one disk at one moment, and the doctor's report of it, for tests.
#pragma once

#include <cstdint>

#include "agent/commands/doctor/report.h"

namespace vqscope::test {

inline constexpr std::uint64_t kSecond = 1'000'000'000;

// vda: one queue, two vCPUs, requests from both, interrupts on vCPU 1, completions that take most of a request's time.
// `requests` in 10 s.
inline Reading reading(std::uint64_t seconds, std::uint64_t requests) {
  Reading result;
  result.topology.online_cpus = {0, 1};
  result.topology.possible_cpus = 2;
  result.topology.vmm = "qemu";
  Disk disk;
  disk.name = "vda";
  disk.driver = "virtio_blk";
  disk.transport = "virtio-pci";
  disk.bus_id = "0000:00:02.0";
  disk.scheduler = "none";
  disk.queues = {{0, {0, 1}, 128}};
  disk.interrupts = {{30, 0, "virtio1-req.0"}};
  disk.virtio = VirtioDevice{1, 0};
  result.topology.disks = {disk};
  result.probes = {{"block", true, "", {}}, {"irq", true, "", {}}};
  result.snapshot.time_ns = seconds * kSecond;
  DeviceSnapshot& device = result.snapshot.devices.emplace_back();
  device.name = "vda";
  device.instance = 1;
  QueueCounters& queue = device.queues.emplace().emplace_back();
  queue.origins = {{0, requests * 3 / 4, 0}, {requests / 4, 0, 0}};
  queue.inflight_ns = queue.device_ns = requests * 84'000;
  if (requests > 0) queue.delay = {requests / 4 * 60'000, requests * 3 / 4 * 60'000};
  if (requests > 0) {
    queue.ops[VQS_READ].emplace().bytes = requests * 4096;
    queue.ops[VQS_READ]->device.set(60, requests);
    queue.ops[VQS_READ]->device.sum_ns = requests * 84'000;
  }
  device.vectors = {{{30, 0, "virtio1-req.0"}, {0, requests / 10}, {}}};
  device.locks = {{"queue", 0, 0, 0, {}}};
  return result;
}

inline Report report(std::uint64_t requests, std::optional<Platform> platform = Platform::kQemu) {
  return make_report(reading(10, 0), reading(20, requests), Course(), {platform});
}

}  // namespace vqscope::test
