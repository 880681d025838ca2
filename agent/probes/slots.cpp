// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/slots.h"

#include <algorithm>
#include <atomic>

#include "agent/probes/layout.h"

namespace vqscope {

namespace {

struct Slot {
  bool taken;
  std::uint64_t issue_ns, spent_ns;
};

// One request's state, never half of two; see struct vqs_slot.
Slot read_slot(const vqs_slot& slot) {
  std::uint64_t spent = __atomic_load_n(&slot.spent_ns, __ATOMIC_ACQUIRE);
  for (;;) {
    const bool taken = __atomic_load_n(&slot.request, __ATOMIC_ACQUIRE) != 0;
    const std::uint64_t issue = __atomic_load_n(&slot.issue_ns, __ATOMIC_ACQUIRE);
    const std::uint64_t again = __atomic_load_n(&slot.spent_ns, __ATOMIC_ACQUIRE);
    if (again == spent) return {taken, issue, spent};
    spent = again;
  }
}

}  // namespace

SlotTotals read_slots(std::span<vqs_slot> slots, std::uint64_t now, std::uint64_t quiet_ns) {
  SlotTotals totals;
  for (const vqs_slot& record : slots) {
    const Slot slot = read_slot(record);
    totals.inflight_ns += slot.spent_ns;
    // A request that was issued after `now` was read was not in flight at that moment.
    const std::uint64_t age = now > slot.issue_ns ? now - slot.issue_ns : 0;
    if (!slot.taken || age > quiet_ns) continue;
    totals.inflight_ns += age;
    ++totals.inflight;
    totals.oldest_ns = std::max(totals.oldest_ns.value_or(0), age);
  }
  return totals;
}

std::uint64_t missed_completions(const Arrays& arrays, const DiskPlace& place) {
  const std::uint32_t cpus = arrays.capacity.possible_cpus;
  // Issues first and completions last: what is on the way is then counted at its end, if anywhere.
  std::uint64_t issued = 0, ended = 0;
  for (const std::uint32_t index : place.entries) {
    const vqs_disk& disk = arrays.disks[index];
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu)
      for (const std::uint64_t& count :
           arrays.issues.range(cpu * arrays.capacity.queues + disk.queue_base, disk.queues))
        issued += load(count);
  }
  std::atomic_thread_fence(std::memory_order_acquire);
  for (const std::uint32_t index : place.entries) {
    const vqs_disk& disk = arrays.disks[index];
    for (const vqs_slot& slot : arrays.slots.range(disk.slot_base, disk.queues * disk.depth))
      if (__atomic_load_n(&slot.request, __ATOMIC_ACQUIRE) != 0) ++ended;
  }
  std::atomic_thread_fence(std::memory_order_acquire);
  for (const std::uint32_t index : place.entries) {
    const vqs_disk& disk = arrays.disks[index];
    for (const vqs_queue& queue : arrays.queues.range(disk.queue_base, disk.queues)) ended += load(queue.released);
    for (const vqs_origin& origin : arrays.origins.range(disk.queue_base * cpus, disk.queues * cpus))
      for (const vqs_locality* locality : {&origin.any, &origin.own})
        ended += load(locality->local) + load(locality->cross) + load(locality->unknown);
  }
  return issued > ended ? issued - ended : 0;
}

}  // namespace vqscope
