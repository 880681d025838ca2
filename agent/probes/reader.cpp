// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/reader.h"

#include <algorithm>
#include <atomic>

#include "agent/base/clock.h"
#include "agent/base/text.h"
#include "agent/probes/histograms.h"
#include "agent/probes/interrupts.h"
#include "agent/probes/slots.h"

namespace vqscope {

namespace {

// Adds what one copy of an operation's counters says; returns its sums of time.
std::uint64_t add_operation(const vqs_op& source, Detail detail, QueueCounters& queue, Boxed<OpCounters>& op) {
  const std::uint64_t device_ns = load(source.device_ns), errors = load(source.errors);
  const std::uint64_t queue_ns = load(source.queue_ns);
  queue.device_ns += device_ns;
  queue.queue_ns += queue_ns;
  if (detail == Detail::kHistograms && (device_ns != 0 || errors != 0)) {
    if (!op) op.emplace();
    add_histogram(source.device_cells, source.device_ns, op->device);
    add_histogram(source.queue_cells, source.queue_ns, op->queue);
    op->bytes += load(source.bytes);
    op->errors += errors;
  } else if (detail == Detail::kCounters) {
    queue.bytes += load(source.bytes);
  }
  return device_ns + queue_ns;
}

// Adds what has completed on one hardware queue of one layout.
void add_completed(const vqs_queue& record, Detail detail, QueueCounters& queue) {
  // The programs add to an operation's sums before they correct them, so read in the other order the sum never comes
  // out below what it should be by more than requests that are completing now, and never below zero.
  std::int64_t time = load(record.account_ns);
  std::atomic_thread_fence(std::memory_order_acquire);
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    time += static_cast<std::int64_t>(add_operation(record.ops[op], detail, queue, queue.ops[op]));
    if (op < VQS_OWNED_OPS)
      time += static_cast<std::int64_t>(add_operation(record.own[op], detail, queue, queue.ops[op]));
  }
  queue.requeues += load(record.requeues);
  queue.time_ns += static_cast<std::uint64_t>(std::max<std::int64_t>(time, 0));
}

// Adds nothing where no completion came with an interrupt.
void add_delay(const vqs_locality& source, std::optional<CompletionDelay>& delay) {
  if (load(source.local) == 0 && load(source.cross) == 0) return;
  if (!delay) delay.emplace();
  delay->local_ns += load(source.local_ns);
  delay->cross_ns += load(source.cross_ns);
}

struct Queues {
  std::vector<QueueCounters> list;
  std::uint64_t missed = 0;  // completions, see SlotTotals
};

Queues read_queues(const Arrays& arrays, const DiskPlace& place, std::uint64_t now, Detail detail) {
  Queues result;
  std::vector<QueueCounters>& queues = result.list;
  for (const std::uint32_t index : place.entries) {
    const vqs_disk& entry = arrays.disks[index];
    if (queues.size() < entry.queues) queues.resize(entry.queues);
    const std::uint32_t cpus = arrays.capacity.possible_cpus;
    for (std::uint32_t hctx = 0; hctx < entry.queues; ++hctx) {
      QueueCounters& queue = queues[hctx];
      add_completed(arrays.queues[entry.queue_base + hctx], detail, queue);
      const SlotTotals slots = read_slots(arrays, entry.slot_base + hctx * entry.depth, entry.depth, now);
      queue.inflight_ns += slots.inflight_ns;
      queue.inflight += slots.inflight;
      result.missed += slots.missed;
      if (slots.oldest_ns) queue.oldest_ns = std::max(queue.oldest_ns.value_or(0), *slots.oldest_ns);
      queue.origins.resize(cpus);
      for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
        const vqs_origin& origin = arrays.origins[(entry.queue_base + hctx) * cpus + cpu];
        for (const vqs_locality* locality : {&origin.any, &origin.own}) {
          queue.origins[cpu].local += load(locality->local);
          queue.origins[cpu].cross += load(locality->cross);
          queue.origins[cpu].unknown += load(locality->unknown);
          add_delay(*locality, queue.delay);
        }
      }
    }
  }
  return result;
}

VectorCounters read_traced_vector(const Arrays& arrays, const InterruptLine& line, std::uint32_t index, Detail detail) {
  VectorCounters counters{line, {}, {}};
  counters.per_cpu = counted_interrupts(arrays, line.irq, index);
  if (detail == Detail::kHistograms)
    counters.handler.emplace() = handler_times(arrays.irqs[line.irq], arrays.vectors[index]);
  return counters;
}

// A request this old is looked at twice.
constexpr std::uint64_t kHungNs = 1'000'000'000;

bool looks_hung(const std::vector<QueueCounters>& queues) {
  return std::any_of(queues.begin(), queues.end(),
                     [](const QueueCounters& queue) { return queue.oldest_ns.value_or(0) > kHungNs; });
}

// Whether the kernel's own accounting, if it is on, has no request of the disk in flight.
bool is_quiet(const SystemPaths& paths, const std::string& disk) {
  const auto directory = paths.sysfs / "block" / sysfs_name(disk);
  const auto inflight = read_trimmed(directory / "inflight");
  return read_number<int>(directory / "queue/iostats") == 1 && inflight &&
         split(*inflight) == std::vector<std::string_view>{"0", "0"};
}

// Ends, and counts as lost, what looks hung on a quiet disk; returns how many completions were missed.
std::uint64_t end_left_over(const Arrays& arrays, const DiskPlace& place, std::uint64_t now) {
  std::uint64_t missed = 0;
  for (const std::uint32_t index : place.entries) {
    const vqs_disk& entry = arrays.disks[index];
    missed += end_left_over(arrays, entry.slot_base, entry.queues * entry.depth, now, kHungNs);
  }
  __atomic_fetch_add(&arrays.control[0].lost[VQS_LOST_STALE_SLOT], missed, __ATOMIC_RELAXED);
  return missed;
}

}  // namespace

Snapshot read_snapshot(const SystemPaths& paths, const Topology& topology, const Arrays* arrays, const Layout* layout,
                       ProbesUp up, Detail detail) {
  Snapshot snapshot;
  snapshot.time_ns = monotonic_ns();
  if (arrays != nullptr) {
    snapshot.losses.emplace();
    for (std::size_t i = 0; i < VQS_LOSSES; ++i) (*snapshot.losses)[i] = load(arrays->control[0].lost[i]);
  }
  if (arrays != nullptr && up.irq)
    for (const vqs_cpu& cpu : arrays->cpus.range(0, arrays->capacity.possible_cpus))
      snapshot.completion_cpus.push_back({load(cpu.hardirq_ns), load(cpu.softirq_ns)});
  std::optional<std::map<std::string, DiskStats>> diskstats;
  const bool all_placed = up.block && layout != nullptr &&
                          std::all_of(layout->disks().begin(), layout->disks().end(),
                                      [](const auto& disk) { return !disk.second.entries.empty(); });
  if (!all_placed)
    if (auto stats = read_diskstats(paths)) diskstats = std::move(*stats);

  for (const Disk& disk : topology.disks) {
    DeviceSnapshot device;
    device.name = disk.name;
    device.instance = disk.identity;
    const DiskPlace* place = nullptr;
    if (arrays != nullptr && layout != nullptr)
      if (const auto it = layout->disks().find(disk.name); it != layout->disks().end()) place = &it->second;
    if (place != nullptr) device.instance = place->instance;
    const bool placed = up.block && place != nullptr && !place->entries.empty();
    if (placed) {
      Queues queues = read_queues(*arrays, *place, snapshot.time_ns, detail);
      if (looks_hung(queues.list) && is_quiet(paths, disk.name)) {
        const std::uint64_t missed = end_left_over(*arrays, *place, snapshot.time_ns);
        (*snapshot.losses)[VQS_LOST_STALE_SLOT] += missed;
        queues = read_queues(*arrays, *place, snapshot.time_ns, detail);
      }
      (*snapshot.losses)[VQS_LOST_STALE_SLOT] += queues.missed;
      device.queues = std::move(queues.list);
    }
    if (diskstats && !placed)
      if (const auto it = diskstats->find(disk.name); it != diskstats->end())
        device.accounting = {it->second.time_in_queue_ms * 1'000'000, it->second.in_flight};
    device.vectors.reserve(disk.interrupts.size());
    for (const InterruptLine& line : disk.interrupts) {
      if (up.irq && layout->waits(line)) continue;
      const auto index = up.irq && place != nullptr ? layout->vector_of(line) : std::nullopt;
      if (index)
        device.vectors.push_back(read_traced_vector(*arrays, line, *index, detail));
      else if (auto counts = read_interrupt_counts(paths, line.irq, topology.possible_list))
        device.vectors.push_back({line, std::move(*counts), {}});
    }
    if (up.notify && place != nullptr && place->virtio && detail == Detail::kHistograms) {
      const vqs_virtio_device& virtio = arrays->virtio_devices[*place->virtio];
      for (std::uint32_t queue = 0; queue < virtio.count; ++queue) {
        const vqs_notify& notify = arrays->notifies[virtio.first + queue];
        add_histogram(notify.cells, notify.sum_ns, device.notifies.emplace_back().emplace());
      }
    }
    snapshot.devices.push_back(std::move(device));
  }
  return snapshot;
}

}  // namespace vqscope
