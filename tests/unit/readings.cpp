// SPDX-License-Identifier: Apache-2.0
#include "readings.h"

#include <fmt/format.h>

namespace vqscope::test {

Reading quiet_reading(unsigned queues, unsigned cpus) {
  if (cpus == 0) cpus = queues;
  Reading reading;
  Topology& topology = reading.topology;
  topology.possible_cpus = cpus;
  for (unsigned cpu = 0; cpu < cpus; ++cpu) topology.online_cpus.push_back(cpu);
  topology.vmm = "qemu";
  Disk& disk = topology.disks.emplace_back();
  disk.name = "vda";
  disk.identity = 1;
  disk.driver = "virtio_blk";
  disk.transport = "virtio-pci";
  disk.bus_id = "0000:00:02.0";
  disk.scheduler = "none";
  disk.nr_requests = 128;
  disk.virtio = {0, 0};
  disk.facts.settings = {{"iosched/fifo_batch", "16"}, {"read_ahead_kb", "128"}, {"write_cache", "write back"}};
  DeviceSnapshot& device = reading.snapshot.devices.emplace_back();
  device.name = disk.name;
  device.instance = disk.identity;
  device.queues.emplace(queues);
  for (unsigned q = 0; q < queues; ++q) {
    disk.queues.push_back({q, {q}, 128});
    disk.interrupts.push_back({24 + q, q, fmt::format("virtio0-req.{}", q)});
    (*device.queues)[q].origins.resize(cpus);
    VectorCounters& vector = device.vectors.emplace_back();
    vector.line = disk.interrupts.back();
    vector.per_cpu.resize(cpus);
    vector.handler.emplace();
    device.notifies.emplace_back(Histogram{});
    device.locks.push_back({"queue", q, 0, 0, {}});
  }
  device.locks.push_back({"elevator", {}, 0, 0, {}});
  reading.snapshot.losses.emplace();
  reading.snapshot.completion_cpus.resize(cpus);
  reading.snapshot.time_ns = 1'000'000'000;
  reading.snapshot.activity = {CpuUse{1000, 300, 0, 20, 90'000, 400, 5}, 7'000'000, 9'000'000, std::nullopt};
  reading.probes = {{"irq", true, "", 0}, {"block", true, "", 0}, {"notify", false, "this kernel refuses fentry", {}}};
  return reading;
}

void stir(Reading& reading, std::mt19937_64& random) {
  const auto some = [&](std::uint64_t limit) { return std::uniform_int_distribution<std::uint64_t>(0, limit)(random); };
  const auto fill = [&](Histogram& histogram) {
    for (int i = 0; i < 20; ++i) histogram.add(some(VQS_LAST_CELL), some(300));
    histogram.sum_ns += some(1'000'000'000);
  };
  reading.snapshot.time_ns += 1'000'000'000 + some(1'000'000);
  for (DeviceSnapshot& device : reading.snapshot.devices) {
    for (QueueCounters& queue : *device.queues) {
      if (some(3) == 0) continue;
      for (Boxed<OpCounters>& op : queue.ops) {
        if (some(2) == 0) continue;
        if (!op) op.emplace();
        fill(op->device);
        fill(op->queue);
        op->bytes += some(1 << 30);
        op->errors += some(1);
      }
      for (OriginCounters& origin : queue.origins) {
        origin.local += some(1000);
        origin.cross += some(1000);
        origin.unknown += some(1);
      }
      queue.delay = queue.delay.value_or(CompletionDelay{});
      queue.delay->local_ns += some(1'000'000);
      queue.delay->cross_ns += some(1'000'000);
      queue.requeues += some(3);
      queue.inflight_ns += some(10'000'000'000);
      queue.time_ns += some(10'000'000'000);
      queue.device_ns += some(10'000'000'000);
      queue.queue_ns += some(10'000'000'000);
      queue.inflight = static_cast<std::uint32_t>(some(128));
      queue.oldest_ns = queue.inflight > 0 ? std::optional(some(5'000'000'000)) : std::nullopt;
    }
    for (VectorCounters& vector : device.vectors) {
      for (std::uint64_t& count : vector.per_cpu) count += some(1) * some(100'000);
      fill(*vector.handler);
    }
    for (LockCounters& lock : device.locks) {
      if (some(2) == 0) continue;
      lock.waits += some(100);
      lock.wait_ns += some(100'000);
      lock.longest_ns = lock.longest_ns.value_or(0) + some(1'000);
    }
    for (Boxed<Histogram>& notify : device.notifies)
      if (notify) fill(*notify);
  }
  for (CompletionCpu& cpu : reading.snapshot.completion_cpus) {
    cpu.hardirq_ns += some(1'000'000);
    cpu.softirq_ns += some(1'000'000);
  }
  GuestActivity& activity = reading.snapshot.activity;
  activity.cpu->user += some(100);
  activity.cpu->softirq += some(10);
  activity.cpu->steal += some(1);
  activity.cpu->idle += some(100);
  activity.cpu->iowait -= some(1);  // steps back now and then
  *activity.cpu_some_us += some(1'000'000);
  if (some(4) == 0) (*reading.snapshot.losses)[VQS_LOST_UNMATCHED] += some(5);
}

}  // namespace vqscope::test
