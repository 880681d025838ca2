// SPDX-License-Identifier: Apache-2.0
#include "agent/recording/shape.h"

#include "agent/base/text.h"

namespace vqscope {

namespace {
// Of all devices of a guest together; a snapshot of so many takes some hundred megabytes.
constexpr std::uint64_t kMaxQueues = 1 << 17, kMaxCounters = 1 << 24;
}  // namespace

Result<void> check_shapes(const recording::Sample& sample) {
  std::uint64_t queues = 0, counters = sample.completion_cpus();
  if (counters > kMaxCounters) return fail("it lists more queues and CPUs than a guest has");
  for (const recording::Shape& shape : sample.shapes()) {
    queues += shape.queues();
    counters += std::uint64_t{shape.queues()} * shape.origin_cpus();
    for (const recording::Shape::Line& line : shape.lines()) counters += line.cpus();
    counters += static_cast<std::uint64_t>(shape.locks_size());
    if (queues > kMaxQueues || counters > kMaxCounters) return fail("it lists more queues and CPUs than a guest has");
  }
  return {};
}

InterruptLine decode_line(const recording::InterruptLine& line) {
  return {line.irq(), line.has_queue() ? std::optional(line.queue()) : std::nullopt, printable(line.action())};
}

Snapshot blank_snapshot(const recording::Sample& sample) {
  Snapshot snapshot;
  for (const recording::Shape& shape : sample.shapes()) {
    DeviceSnapshot& device = snapshot.devices.emplace_back();
    device.name = plain_name(shape.name());
    device.instance = shape.instance();
    if (shape.has_queues()) {
      device.queues.emplace(shape.queues());
      for (QueueCounters& queue : *device.queues) queue.origins.resize(shape.origin_cpus());
    }
    if (shape.accounting()) device.accounting.emplace();
    for (const recording::Shape::Line& line : shape.lines()) {
      VectorCounters& vector = device.vectors.emplace_back();
      vector.line = decode_line(line.line());
      vector.per_cpu.resize(line.cpus());
      if (line.handler()) vector.handler.emplace();
    }
    for (const recording::Shape::Lock& lock : shape.locks())
      device.locks.push_back(
          {printable(lock.lock()), lock.has_queue() ? std::optional(lock.queue()) : std::nullopt, 0, 0, {}});
    for (const bool measured : shape.notifies()) {
      device.notifies.emplace_back();
      if (measured) device.notifies.back().emplace();
    }
  }
  if (sample.has_losses()) snapshot.losses.emplace();
  snapshot.completion_cpus.resize(sample.completion_cpus());
  return snapshot;
}

}  // namespace vqscope
