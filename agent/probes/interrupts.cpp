// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/interrupts.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <set>

#include "agent/probes/histograms.h"

namespace vqscope {

namespace {

std::uint64_t sum(const std::vector<std::uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

}  // namespace

// While they may be changing places; see struct vqs_irq.
std::vector<std::uint64_t> counted_interrupts(const Arrays& arrays, std::uint32_t irq, std::uint32_t vector) {
  const std::uint32_t cpus = arrays.capacity.possible_cpus;
  const vqs_irq& record = arrays.irqs[irq];
  const std::span<const vqs_vector_cpu> others = arrays.vector_cpus.range(std::size_t{vector} * cpus, cpus);
  std::vector<std::uint64_t> counts(cpus);
  std::uint32_t switches = __atomic_load_n(&record.switches, __ATOMIC_ACQUIRE);
  for (;;) {
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) counts[cpu] = __atomic_load_n(&others[cpu].count, __ATOMIC_ACQUIRE);
    const std::uint32_t counting = __atomic_load_n(&record.counting, __ATOMIC_ACQUIRE);
    const std::uint64_t count = __atomic_load_n(&record.count, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&record.counting, __ATOMIC_ACQUIRE) != counting) continue;
    if (counting != 0 && counting <= counts.size()) counts[counting - 1] = count;
    const std::uint32_t again = __atomic_load_n(&record.switches, __ATOMIC_ACQUIRE);
    if (again == switches) return counts;
    switches = again;
  }
}

Histogram handler_times(const vqs_irq& line, const vqs_vector& vector) {
  for (;;) {
    const std::uint32_t moves = __atomic_load_n(&line.moves, __ATOMIC_ACQUIRE);
    Histogram times;
    add_histogram(vector.handler_cells, vector.handler_ns, times);
    std::atomic_thread_fence(std::memory_order_acquire);
    const std::uint32_t gathered = __atomic_load_n(&line.gathered, __ATOMIC_ACQUIRE);
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(gathered, VQS_GATHERED); ++i)
      add_duration(load(line.gathered_ns[i]), times);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (moves % 2 == 0 && load(line.moves) == moves) return times;
  }
}

std::uint64_t InterruptAudit::find_missed(const SystemPaths& paths, const Topology& topology, const Arrays& arrays,
                                          const Layout& layout) {
  std::uint64_t found = 0;
  std::set<std::uint32_t> seen;
  for (const Disk& disk : topology.disks) {
    for (const InterruptLine& interrupt : disk.interrupts) {
      const auto vector = layout.vector_of(interrupt);
      if (!vector || !seen.insert(interrupt.irq).second) continue;
      const std::uint64_t before = sum(counted_interrupts(arrays, interrupt.irq, *vector));
      const auto counts = read_interrupt_counts(paths, interrupt.irq, topology.possible_list);
      const std::uint64_t after = sum(counted_interrupts(arrays, interrupt.irq, *vector));
      if (!counts) continue;
      const std::uint64_t kernel = sum(*counts);
      const auto [it, added] = lines_.try_emplace(interrupt.irq);
      Line& line = it->second;
      if (added || line.vector != *vector || kernel < line.last_kernel || before < line.last_counted)
        line = {*vector, kernel, before, kernel, before, 0, 0};
      line.last_kernel = kernel;
      line.last_counted = before;
      const std::uint64_t by_kernel = kernel - line.kernel, by_programs = after - line.counted;
      const std::uint64_t missing = by_kernel > by_programs ? by_kernel - by_programs : 0;
      const std::uint64_t sure = std::min(missing, line.missing);
      line.missing = missing;
      if (sure <= line.told) continue;
      found += sure - line.told;
      line.told = sure;
    }
  }
  std::erase_if(lines_, [&](const auto& line) { return !seen.contains(line.first); });
  return found;
}

}  // namespace vqscope
