// SPDX-License-Identifier: Apache-2.0
// A scrape of synthetic guests, on the path of a real one: from the arrays that BPF writes to the bytes of the answer,
// as Collector::collect() and the page of metrics do it. Arguments: hardware queues, disks, format (0 text, 1
// OpenMetrics, 2 protobuf), gzip, operations that are active.
#include <benchmark/benchmark.h>

#include "agent/base/memory.h"
#include "agent/model/model.h"
#include "agent/model/window.h"
#include "agent/probes/arrays.h"
#include "agent/probes/layout.h"
#include "agent/probes/locks.h"
#include "agent/probes/reader.h"
#include "exporters/http/gzip.h"
#include "exporters/prometheus/formats.h"
#include "exporters/prometheus/model_families.h"
#include "exporters/prometheus/self_metrics.h"
#include "tests/bench/allocations.h"

namespace vqscope {
namespace {

constexpr std::uint32_t kTags = 256;

Topology make_topology(std::uint32_t disks, std::uint32_t queues) {
  Topology topology;
  topology.possible_cpus = queues;
  topology.vmm = "qemu";
  std::uint32_t irq = 24;
  for (std::uint32_t cpu = 0; cpu < queues; ++cpu) topology.online_cpus.push_back(cpu);
  for (std::uint32_t d = 0; d < disks; ++d) {
    Disk disk;
    disk.name = {'v', 'd', static_cast<char>('a' + d / 26), static_cast<char>('a' + d % 26)};
    disk.identity = d + 1;
    disk.driver = "virtio_blk";
    disk.transport = "virtio-pci";
    disk.bus_id = "0000:00:02.0";
    disk.scheduler = "none";
    disk.virtio = VirtioDevice{d, 0};
    for (std::uint32_t q = 0; q < queues; ++q) {
      disk.queues.push_back({q, {q}, kTags});
      disk.interrupts.push_back({irq++, q, "virtio" + std::to_string(d) + "-req." + std::to_string(q)});
    }
    topology.disks.push_back(std::move(disk));
  }
  return topology;
}

// Latencies of a real disk lie within a few octaves.
void fill(__u64 (&cells)[VQS_CELLS], __u64& sum, std::uint32_t first) {
  for (std::uint32_t cell = first; cell < first + 32; ++cell) cells[cell] = 1000 + cell;
  sum = 32'000'000;
}

// Every queue has completed requests of `operations` kinds, its interrupt has come, and it was notified.
void fill(const Arrays& arrays, const Topology& topology, const Layout& layout, int operations) {
  const std::uint32_t cpus = arrays.capacity.possible_cpus;
  for (const Disk& disk : topology.disks) {
    const DiskPlace& place = layout.disks().at(disk.name);
    const vqs_disk& entry = arrays.disks[place.entries.back()];
    for (std::uint32_t q = 0; q < entry.queues; ++q) {
      vqs_queue& queue = arrays.queues[entry.queue_base + q];
      for (int op = 0; op < operations; ++op) {
        vqs_op& record = op < VQS_OWNED_OPS ? queue.own[op] : queue.ops[op];
        fill(record.device_cells, record.device_ns, 60);
        fill(record.queue_cells, record.queue_ns, 10);
        record.bytes = 4096;
      }
      arrays.origins[(entry.queue_base + q) * cpus + q].own.local = 1000;
      arrays.origins[(entry.queue_base + q) * cpus + q].own.local_ns = 20'000'000;
      arrays.cpus[q].hardirq_ns = 10'000'000;
      const auto vector = *layout.vector_of(disk.interrupts[q]);
      fill(arrays.vectors[vector].handler_cells, arrays.vectors[vector].handler_ns, 20);
      arrays.vector_cpus[vector * cpus + q].count = 1000;
      vqs_notify& notify = arrays.notifies[arrays.virtio_devices[disk.virtio->index].first + q];
      fill(notify.cells, notify.sum_ns, 30);
    }
  }
}

void scrape(benchmark::State& state) {
  const auto queues = static_cast<std::uint32_t>(state.range(0)), disks = static_cast<std::uint32_t>(state.range(1));
  const auto format = static_cast<Format>(state.range(2));
  const bool gzip = state.range(3) != 0;
  const Topology topology = make_topology(disks, queues);
  const auto arrays = Arrays::create(capacity_for(topology));
  if (!arrays) return state.SkipWithError(arrays.error().message.c_str());
  Layout layout(*arrays);
  layout.apply(topology, 1);
  const SystemPaths paths;
  const ProbesUp up{true, true, true};
  const std::vector<ProbeStatus> probes = {{"block", true, "", 0}, {"irq", true, "", 0}, {"notify", true, "", 0}};
  Snapshot earlier = read_snapshot(paths, topology, &*arrays, &layout, up, Detail::kCounters);
  earlier.time_ns -= 10'000'000'000;  // so that the window's gauges are there from the first scrape on
  fill(*arrays, topology, layout, static_cast<int>(state.range(4)));
  const ClassicBuckets buckets = default_classic_buckets();
  SelfMetrics self("1.0.0", "0123456789ab", arrays->bytes());
  self.count_scrape(format, {});
  Snapshot last = earlier;
  const auto collect = [&] {
    Snapshot snapshot = read_snapshot(paths, topology, &*arrays, &layout, up, Detail::kHistograms);
    keep_monotonic(last, snapshot);
    last = without_histograms(snapshot);
    return derive(topology, std::move(snapshot), &earlier, probes);
  };
  std::size_t bytes = 0;
  const Allocations before = allocations();
  for (auto _ : state) {
    const Model model = collect();
    const std::string plain = write(format, model_families(model), buckets);
    const std::string body = gzip ? compress_gzip(plain) : plain;
    bytes = body.size();
    benchmark::DoNotOptimize(body.data());
  }
  const Allocations after = allocations();
  const auto scrapes = static_cast<double>(state.iterations());
  state.counters["bytes"] = static_cast<double>(bytes);
  state.counters["allocations"] = static_cast<double>(after.count - before.count) / scrapes;
  state.counters["allocated_bytes"] = static_cast<double>(after.bytes - before.bytes) / scrapes;
  // Series as a server stores them: a classic histogram is its buckets, +Inf, sum and count; a native one is one. What
  // the agent tells of itself is among them.
  const Model model = collect();
  std::size_t native = 0, classic = 0, own = 0;
  for (const Family& family : model_families(model)) {
    if (family.name.starts_with("vqscope_probe_")) own += family.samples.size();
    native += family.samples.size();
    classic += family.samples.size() * (family.type == MetricType::kHistogram ? buckets.size() + 3 : 1);
  }
  for (const Family& family : self.families(paths.procfs, {})) {
    own += family.samples.size();
    native += family.samples.size();
    classic += family.samples.size();
  }
  state.counters["own_series"] = static_cast<double>(own);
  state.counters["native_series"] = static_cast<double>(native);
  state.counters["classic_series"] = static_cast<double>(classic);
}

void arguments(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"queues", "disks", "format", "gzip", "ops"})->Unit(benchmark::kMicrosecond);
  for (const std::int64_t format : {0, 1, 2}) {
    for (const std::int64_t gzip : {0, 1})
      for (const std::int64_t queues : {1, 8, 64}) bench->Args({queues, 1, format, gzip, VQS_OPS});
    for (const std::int64_t disks : {8, 64}) bench->Args({1, disks, format, 0, VQS_OPS});
  }
  bench->Args({8, 1, 2, 0, 2});  // a typical guest: reads and writes
}
BENCHMARK(scrape)->Apply(arguments);

// What Locks::read() adds to a reading. Arguments: hardware queues, as many CPUs, disks, and for how many of its disk's
// locks each CPU has waited.
void locks(benchmark::State& state) {
  const auto queues = static_cast<std::uint32_t>(state.range(0)), disks = static_cast<std::uint32_t>(state.range(1));
  const auto waited = static_cast<std::uint32_t>(state.range(2));
  const Topology topology = make_topology(disks, queues);
  const auto arrays = Arrays::create(capacity_for(topology));
  if (!arrays) return state.SkipWithError(arrays.error().message.c_str());
  Layout layout(*arrays);
  layout.apply(topology, 1);
  Locks known(*arrays);
  known.place(topology, layout);
  // As the programs would have found the locks and counted waits for them.
  const std::uint32_t words = vqs_lock_words(arrays->locks.size());
  for (const auto& [name, place] : layout.disks()) {
    const vqs_disk& disk = arrays->disks[place.entries.back()];
    const std::uint32_t first = disk.queue_base * VQS_LOCKS, count = disk.queues * VQS_LOCKS;
    for (std::uint32_t lock = first; lock < first + count; ++lock) {
      arrays->locks[lock].address = 0xffff'8880'0000'0000 + std::uint64_t{lock} * 64;
      arrays->locks[lock].round = 1;
    }
    for (std::uint32_t cpu = 0; cpu < queues; ++cpu)
      for (std::uint32_t i = 0; i < waited; ++i) {
        const std::uint32_t lock = first + (cpu * VQS_LOCKS + i) % count;
        arrays->lock_waits[std::size_t{cpu} * arrays->locks.size() + lock] = {100, 30'000, 900, 0};
        arrays->lock_used[std::size_t{cpu} * words + lock / 64] |= 1ULL << lock % 64;
      }
  }
  arrays->control[0].spins_told = 1;
  known.update(layout, 2);
  Snapshot snapshot;
  for (const Disk& disk : topology.disks) snapshot.devices.emplace_back().name = disk.name;
  for (auto _ : state) {
    for (DeviceSnapshot& device : snapshot.devices) device.locks.clear();
    known.read(layout, snapshot);
    benchmark::DoNotOptimize(snapshot.devices.data());
  }
  std::size_t told = 0;
  for (const DeviceSnapshot& device : snapshot.devices) told += device.locks.size();
  state.counters["locks"] = static_cast<double>(told);
}
BENCHMARK(locks)
    ->ArgNames({"queues", "disks", "waited"})
    ->Unit(benchmark::kMicrosecond)
    ->Args({2, 1, 1})
    ->Args({8, 1, 1})
    ->Args({128, 3, 0})
    ->Args({128, 3, 1})
    ->Args({128, 3, 30});

}  // namespace
}  // namespace vqscope

int main(int argc, char** argv) {
  vqscope::keep_freed_memory();  // as the agent does
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
