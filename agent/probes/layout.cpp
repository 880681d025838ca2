// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/layout.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "agent/base/clock.h"
#include "agent/probes/slots.h"

namespace vqscope {

namespace {

constexpr std::uint64_t kGraceNs = 1'000'000'000;
// Of interrupt lines: so that one that was given up at one look at the disks can be used at the next.
constexpr std::uint64_t kLineGraceNs = kGraceNs / 2;

// Kept without queues, for the disks that found no place: their requests are counted as lost.
constexpr std::uint32_t kNoRoomEntry = VQS_MAX_DISKS - 1;

std::uint32_t queue_count(const Disk& disk) { return disk.queues.empty() ? 0 : disk.queues.back().index + 1; }

// Tags in use now, on any queue.
std::uint32_t tag_count(const Disk& disk) {
  std::uint32_t tags = disk.nr_requests.value_or(0);
  for (const HardwareQueue& queue : disk.queues) tags = std::max(tags, queue.tags.value_or(0));
  return tags;
}

// An elevator starts with up to 256 requests a queue (2 * BLKDEV_DEFAULT_RQ), which may be raised to 2,048
// (MAX_SCHED_RQ).
constexpr std::uint32_t kElevatorStart = 256, kElevatorMost = 2048;
// Slots of one disk that are kept for that: 1.5 MB. With more than 16 queues it is less than the most.
constexpr std::uint32_t kElevatorSlots = 32768;

// Slots per queue. The driver's own tags stay; those of an elevator may be raised at any moment, and what is issued
// before the agent sees it needs a place too.
std::uint32_t depth_for(const Disk& disk) {
  const std::uint32_t least = std::max(kElevatorStart, tag_count(disk));
  if (disk.scheduler.empty() || disk.scheduler == "none") return least;
  const std::uint32_t room = kElevatorSlots / std::max(queue_count(disk), 1U);
  return std::max(least, std::min(kElevatorMost, std::max(room, 2 * disk.nr_requests.value_or(0))));
}

// Zeroes records that BPF does not write any more, or not yet.
template <typename Record>
void clear(const ArrayOf<Record>& array, std::uint32_t first, std::uint32_t count) {
  std::memset(static_cast<void*>(&array[first]), 0, sizeof(Record) * count);
}

// Returns when no program is at work that was when it was called: a second is no more than a guess where a vCPU may
// stand still, or a task be preempted inside of a program. The kernel waits for the readers of RCU, which programs are;
// with one CPU, or with some that are kept from interrupts (nohz_full), it does not.
void wait_for_programs() { ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0); }

}  // namespace

Capacity capacity_for(const Topology& topology) {
  Capacity capacity;
  capacity.possible_cpus = topology.possible_cpus;
  std::uint32_t queues = 0, slots = 0, vectors = 0;
  for (const Disk& disk : topology.disks) {
    queues += queue_count(disk);
    slots += queue_count(disk) * depth_for(disk);
    vectors += static_cast<std::uint32_t>(disk.interrupts.size());
  }
  capacity.several_queues = topology.disks.empty() ||
                            std::ranges::any_of(topology.disks, [](const Disk& disk) { return queue_count(disk) > 1; });
  // Room for as much again, and for a few volumes that are plugged later: 4 with a queue per CPU and 1,023 tags each,
  // which is NVMe, on a guest of up to 64 CPUs.
  const std::uint32_t cpus = std::min(topology.possible_cpus, 64U);
  capacity.queues = 2 * queues + 4 * cpus + 32;
  capacity.slots = 2 * slots + 4 * cpus * 1024 + 16384;
  capacity.vectors = 2 * vectors + 4 * cpus + 32;
  return capacity;
}

Layout::Layout(const Arrays& arrays)
    : arrays_(arrays),
      entries_(kNoRoomEntry),
      slots_(arrays.capacity.slots),
      queues_(arrays.capacity.queues),
      vectors_(arrays.capacity.vectors),
      notifies_(arrays.capacity.queues) {}

std::optional<std::uint32_t> Layout::vector_of(const InterruptLine& line) const {
  const auto it = vector_of_irq_.find(line.irq);
  if (it == vector_of_irq_.end() || it->second.action != line.action) return std::nullopt;
  return it->second.index;
}

bool Layout::fits(const Disk& disk, const DiskPlace& place) const {
  if (place.entries.empty()) return false;
  const vqs_disk& entry = arrays_.disks[place.entries.back()];
  return queue_count(disk) <= entry.queues && depth_for(disk) <= entry.depth;
}

void Layout::place(const Disk& disk, DiskPlace& place) {
  const std::uint32_t queues = queue_count(disk), depth = depth_for(disk);
  const auto entry = entries_.allocate(1);
  const auto slot_base = entry ? slots_.allocate(queues * depth) : std::nullopt;
  const auto queue_base = slot_base ? queues_.allocate(queues) : std::nullopt;
  if (!queue_base) {
    if (slot_base) slots_.release(*slot_base, queues * depth);
    if (entry) entries_.release(*entry, 1);
    return;
  }
  const std::uint32_t cpus = arrays_.capacity.possible_cpus;
  clear(arrays_.slots, *slot_base, queues * depth);
  clear(arrays_.slot_ends, *slot_base, queues * depth);
  clear(arrays_.queues, *queue_base, queues);
  clear(arrays_.origins, *queue_base * cpus, queues * cpus);
  clear(arrays_.locks, *queue_base * VQS_LOCKS, queues * VQS_LOCKS);
  for (std::uint32_t cpu = 0; cpu < cpus; ++cpu)
    clear(arrays_.lock_waits, cpu * arrays_.locks.size() + *queue_base * VQS_LOCKS, queues * VQS_LOCKS);
  vqs_disk& record = arrays_.disks[*entry];
  record = {};
  record.queues = queues;
  record.depth = depth;
  record.slot_base = *slot_base;
  record.queue_base = *queue_base;
  record.previous = place.entries.empty() ? 0 : place.entries.back() + 1;
  record.since_ns = ~__u64{0};
  place.entries.push_back(*entry);
}

void Layout::place_notifies(const Disk& disk, DiskPlace& place, std::uint64_t now_ns) {
  if (!disk.virtio || disk.virtio->index >= VQS_MAX_VIRTIO_DEVICES) return;
  place.virtio = disk.virtio->index;
  vqs_virtio_device& device = arrays_.virtio_devices[disk.virtio->index];
  const std::uint32_t queues = queue_count(disk);
  if (device.count >= queues) return;  // as before, or another LUN of the same virtio-scsi controller
  const auto first = notifies_.allocate(queues);
  if (!first) return;
  retire_notify(device, now_ns);
  clear(arrays_.notifies, *first, queues);
  device.first = *first;
  device.skip = disk.virtio->first_request_queue;
  __atomic_store_n(&device.count, queues, __ATOMIC_RELEASE);
}

void Layout::retire_notify(vqs_virtio_device& device, std::uint64_t now_ns) {
  if (device.count == 0) return;
  retired_.push_back({now_ns, [this, first = device.first, count = device.count] { notifies_.release(first, count); }});
  __atomic_store_n(&device.count, 0U, __ATOMIC_RELAXED);
}

void Layout::retire_notifies(std::uint64_t now_ns) {
  for (std::uint32_t index = 0; index < VQS_MAX_VIRTIO_DEVICES; ++index) {
    vqs_virtio_device& device = arrays_.virtio_devices[index];
    const bool in_use =
        std::any_of(disks_.begin(), disks_.end(), [index](const auto& disk) { return disk.second.virtio == index; });
    if (!in_use) retire_notify(device, now_ns);
  }
}

void Layout::retire(const DiskPlace& place, std::uint64_t now_ns) {
  for (const std::uint32_t entry : place.entries) {
    const vqs_disk record = arrays_.disks[entry];
    const auto missed = read_slots(arrays_, record.slot_base, record.queues * record.depth, now_ns).missed;
    __atomic_fetch_add(&arrays_.control[0].lost[VQS_LOST_STALE_SLOT], missed, __ATOMIC_RELAXED);
    retired_.push_back({now_ns, [this, entry, record] {
                          entries_.release(entry, 1);
                          slots_.release(record.slot_base, record.queues * record.depth);
                          queues_.release(record.queue_base, record.queues);
                        }});
  }
}

bool Layout::place_vectors(const Topology& topology, std::uint64_t now_ns) {
  std::map<std::uint32_t, Vector> wanted;  // two namespaces of a controller share its lines
  for (const Disk& disk : topology.disks)
    for (const InterruptLine& line : disk.interrupts)
      if (line.irq < VQS_MAX_IRQS)
        wanted.try_emplace(line.irq, Vector{0, line.action, {}}).first->second.disks.insert(disk.identity);

  for (auto it = vector_of_irq_.begin(); it != vector_of_irq_.end();) {
    const auto kept = wanted.find(it->first);
    // What was counted for disks that are gone is not to be shown for those that took their interrupts over.
    if (kept != wanted.end() && kept->second.action == it->second.action &&
        std::any_of(kept->second.disks.begin(), kept->second.disks.end(),
                    [&](std::uint64_t disk) { return it->second.disks.contains(disk); })) {
      it->second.disks = std::move(kept->second.disks);
      ++it;
      continue;
    }
    __atomic_store_n(&arrays_.irqs[it->first].vector, 0U, __ATOMIC_RELAXED);
    given_up_[it->first] = now_ns;
    retired_.push_back({now_ns, [this, index = it->second.index] { vectors_.release(index, 1); }});
    it = vector_of_irq_.erase(it);
  }
  if (std::erase_if(given_up_, [now_ns](const auto& irq) { return now_ns >= irq.second + kLineGraceNs; }) > 0)
    wait_for_programs();
  bool all_placed = true;
  for (auto& [irq, vector] : wanted) {
    if (vector_of_irq_.contains(irq)) continue;
    if (given_up_.contains(irq)) {
      all_placed = false;
      continue;
    }
    const auto index = vectors_.allocate(1);
    if (!index) continue;
    clear(arrays_.vectors, *index, 1);
    clear(arrays_.vector_cpus, *index * arrays_.capacity.possible_cpus, arrays_.capacity.possible_cpus);
    // The kernel's name may be longer; the programs compare just as many characters.
    std::strncpy(arrays_.vectors[*index].name, vector.action.c_str(), VQS_ACTION_NAME - 1);
    vector.index = *index;
    vector_of_irq_[irq] = std::move(vector);
    clear(arrays_.irqs, irq, 1);
    __atomic_store_n(&arrays_.irqs[irq].vector, *index + 1, __ATOMIC_RELEASE);
  }
  return all_placed;
}

void Layout::link_queues_to_vectors(const Disk& disk, const DiskPlace& place) {
  if (place.entries.empty()) return;
  const vqs_disk& entry = arrays_.disks[place.entries.back()];
  for (vqs_queue& queue : arrays_.queues.range(entry.queue_base, entry.queues)) {
    const auto number = static_cast<std::uint32_t>(&queue - &arrays_.queues[entry.queue_base]);
    std::uint32_t irq = 0;
    for (const InterruptLine& line : disk.interrupts) {
      // A line that serves several queues serves this one only if it is the only one there is.
      if (line.queue ? *line.queue == number : disk.interrupts.size() == 1)
        if (vector_of(line)) irq = line.irq + 1;
    }
    __atomic_store_n(&queue.irq, irq, __ATOMIC_RELAXED);
  }
}

void Layout::choose_owners(std::uint64_t now_ns) {
  bool waited = false;
  for (const auto& [name, place] : disks_) {
    if (place.entries.empty()) continue;
    const vqs_disk& entry = arrays_.disks[place.entries.back()];
    for (std::uint32_t index = entry.queue_base; index < entry.queue_base + entry.queues; ++index) {
      vqs_queue& queue = arrays_.queues[index];
      const std::uint32_t cpu = queue.irq == 0 ? 0 : load(arrays_.irqs[queue.irq - 1].last_cpu);
      if (queue.owner == cpu) continue;
      if (queue.owner != 0) {
        __atomic_store_n(&queue.owner, 0U, __ATOMIC_RELAXED);
        ownerless_since_[index] = now_ns;
        continue;
      }
      const auto since = ownerless_since_.find(index);
      if (since != ownerless_since_.end() && now_ns < since->second + kGraceNs) continue;
      if (since != ownerless_since_.end() && !std::exchange(waited, true)) wait_for_programs();
      ownerless_since_.erase(index);
      __atomic_store_n(&queue.owner, cpu, __ATOMIC_RELAXED);
    }
  }
}

void Layout::publish_names() {
  // Built beside the shared table and then copied word by word, so that names that stay are never missing in it for
  // longer than the copy; a BPF program that misses one meanwhile looks again in the next generation.
  std::vector<vqs_name> table(VQS_NAME_BUCKETS);
  for (const auto& [name, place] : disks_) {
    vqs_name record = {};
    std::memcpy(record.name, name.data(), std::min<std::size_t>(name.size(), VQS_DISK_NAME - 1));
    record.entry = (place.entries.empty() ? kNoRoomEntry : place.entries.back()) + 1;
    const std::uint32_t bucket = vqs_name_hash(record.name);
    for (std::uint32_t i = 0; i < VQS_NAME_PROBES; ++i) {
      vqs_name& candidate = table[(bucket + i) % VQS_NAME_BUCKETS];
      if (candidate.name[0] != 0) continue;
      candidate = record;
      break;
    }
  }
  std::copy(table.begin(), table.end(), &arrays_.names[0]);
  std::atomic_thread_fence(std::memory_order_release);
  if (++generation_ == 0) ++generation_;
  __atomic_store_n(&arrays_.control[0].generation, generation_, __ATOMIC_RELEASE);
}

bool Layout::apply(const Topology& topology, std::uint64_t now_ns) {
  const auto settled = std::partition(retired_.begin(), retired_.end(),
                                      [&](const Retired& r) { return now_ns < r.since_ns + kGraceNs; });
  if (settled != retired_.end()) wait_for_programs();
  for (auto it = settled; it != retired_.end(); ++it) it->release();
  retired_.erase(settled, retired_.end());

  bool changed = generation_ == 0;
  for (auto it = disks_.begin(); it != disks_.end();) {
    const auto kept = std::find_if(topology.disks.begin(), topology.disks.end(), [&](const Disk& disk) {
      return disk.name == it->first && disk.identity == it->second.identity;
    });
    if (kept != topology.disks.end()) {
      ++it;
      continue;
    }
    retire(it->second, now_ns);
    it = disks_.erase(it);
    changed = true;
  }
  retire_notifies(now_ns);
  const bool all_placed = place_vectors(topology, now_ns);
  for (const Disk& disk : topology.disks) {
    auto [it, added] = disks_.try_emplace(disk.name);
    if (added) {
      it->second.identity = disk.identity;
      it->second.instance = ++instances_;
      changed = true;
    }
    if (!fits(disk, it->second)) {
      const std::size_t before = it->second.entries.size();
      place(disk, it->second);
      changed |= it->second.entries.size() != before;
    }
    place_notifies(disk, it->second, now_ns);
    link_queues_to_vectors(disk, it->second);
  }
  if (!changed) return all_placed;
  publish_names();
  for (const auto& [name, place] : disks_) {
    if (place.entries.empty()) continue;
    __u64& since = arrays_.disks[place.entries.back()].since_ns;
    if (since == ~__u64{0}) __atomic_store_n(&since, monotonic_ns(), __ATOMIC_RELAXED);
  }
  return all_placed;
}

}  // namespace vqscope
