// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/slots.h"

#include <algorithm>

namespace vqscope {

namespace {

struct Slot {
  std::uint32_t issued, ended, op;  // as in vqs_slot and vqs_slot_end
  std::uint64_t issue_ns, spent_ns;

  // Issues that have not ended: one request in flight, and completions that were missed.
  [[nodiscard]] std::uint32_t open() const { return issued - ended; }
};

// Neither flushes by themselves nor commands of programs and drivers are in /sys/block/DISK/inflight.
bool is_accounted(std::uint32_t op) {
  constexpr std::uint32_t kFlush = 2, kFirstPassthrough = 32;
  return op != kFlush && op < kFirstPassthrough;
}

// One request's state, never half of two: what ends a request changes `ended`, and the next issue comes after that.
Slot read_slot(const vqs_slot& slot, const vqs_slot_end& end) {
  std::uint32_t ended = __atomic_load_n(&end.ended, __ATOMIC_ACQUIRE);
  for (;;) {
    const std::uint64_t spent = __atomic_load_n(&end.spent_ns, __ATOMIC_ACQUIRE);
    const std::uint32_t issued = __atomic_load_n(&slot.issued, __ATOMIC_ACQUIRE);
    const std::uint64_t issue = __atomic_load_n(&slot.issue_ns, __ATOMIC_ACQUIRE);
    const std::uint32_t again = __atomic_load_n(&end.ended, __ATOMIC_ACQUIRE);
    const std::uint32_t op = __atomic_load_n(&slot.op, __ATOMIC_RELAXED);
    if (again == ended) return {issued, ended, op, issue, spent};
    ended = again;
  }
}

}  // namespace

SlotTotals read_slots(const Arrays& arrays, std::uint32_t first, std::uint32_t count, std::uint64_t now) {
  SlotTotals totals;
  for (std::uint32_t index = first; index < first + count; ++index) {
    const Slot slot = read_slot(arrays.slots[index], arrays.slot_ends[index]);
    totals.inflight_ns += slot.spent_ns;
    if (slot.open() == 0) continue;
    totals.missed += slot.open() - 1;
    // A request that was issued after `now` was read was not in flight at that moment.
    const std::uint64_t age = now > slot.issue_ns ? now - slot.issue_ns : 0;
    totals.inflight_ns += age;
    ++totals.inflight;
    totals.oldest_ns = std::max(totals.oldest_ns.value_or(0), age);
  }
  return totals;
}

std::uint64_t end_left_over(const Arrays& arrays, std::uint32_t first, std::uint32_t count, std::uint64_t now,
                            std::uint64_t age_ns) {
  std::uint64_t missed = 0;
  for (std::uint32_t index = first; index < first + count; ++index) {
    Slot slot = read_slot(arrays.slots[index], arrays.slot_ends[index]);
    if (slot.open() == 0 || now < slot.issue_ns + age_ns || !is_accounted(slot.op)) continue;
    const std::uint32_t open = slot.open();
    if (__atomic_compare_exchange_n(&arrays.slot_ends[index].ended, &slot.ended, slot.issued, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED))
      missed += open;
  }
  return missed;
}

}  // namespace vqscope
