// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/locks.h"

#include <bpf/btf.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "agent/model/locks.h"
#include "agent/probes/skeleton.h"

namespace vqscope {

namespace {

// Of a disk under load every hardware queue that is in use has had a request in it; who waits for a disk without any
// delays nobody. Until it ends, each request costs some nanoseconds more.
constexpr std::uint64_t kRoundNs = 500'000'000;

bool has_completed(const vqs_queue& queue) {
  const auto counted = [](const vqs_op& op) { return load(op.device_ns) != 0; };
  return std::ranges::any_of(queue.own, counted) || std::ranges::any_of(queue.ops, counted);
}

// Type information that is loaded when it is asked for, and kept no longer than this.
class Types {
 public:
  const btf* kernel() {
    if (!kernel_) kernel_ = load_kernel_btf();
    return kernel_.get();
  }

  const btf* module(const char* name) {
    BtfPtr& types = modules_[name];
    if (!types) types.reset(btf__load_module_btf(name, kernel_.get()));
    return types.get();
  }

 private:
  BtfPtr kernel_;
  std::map<std::string, BtfPtr> modules_;  // after the kernel's, which they refer to
};

// By index in Arrays::locks, over all CPUs: of the locks that somebody has waited for. Large guests have a hundred CPUs
// and a thousand locks, of which each CPU waits for few.
std::map<std::uint32_t, LockCounters> sum_waits(const Arrays& arrays) {
  std::map<std::uint32_t, LockCounters> sums;
  const std::uint32_t words = vqs_lock_words(arrays.locks.size());
  for (std::uint32_t cpu = 0; cpu < arrays.capacity.possible_cpus; ++cpu)
    for (std::uint32_t word = 0; word < words; ++word)
      for (std::uint64_t used = load(arrays.lock_used[std::size_t{cpu} * words + word]); used != 0; used &= used - 1) {
        const std::uint32_t lock = word * 64 + static_cast<std::uint32_t>(std::countr_zero(used));
        const vqs_lock_waits& waits = arrays.lock_waits[std::size_t{cpu} * arrays.locks.size() + lock];
        LockCounters& sum = sums[lock];
        sum.waits += load(waits.count);
        sum.wait_ns += load(waits.wait_ns);
        if (const std::uint64_t longest = load(waits.longest_ns); longest > 0)
          sum.longest_ns = std::max(sum.longest_ns.value_or(0), longest);
      }
  return sums;
}

void clear_waits(const Arrays& arrays, const vqs_disk& disk, std::uint32_t kind) {
  for (std::uint32_t cpu = 0; cpu < arrays.capacity.possible_cpus; ++cpu)
    for (std::uint32_t queue = disk.queue_base; queue < disk.queue_base + disk.queues; ++queue)
      arrays.lock_waits[std::size_t{cpu} * arrays.locks.size() + queue * VQS_LOCKS + kind] = {};
}

}  // namespace

void Locks::place(const Topology& topology, const Layout& layout) {
  close_round();
  asked_ = true;
  Types types;
  std::map<std::uint32_t, Known> known;
  for (const Disk& disk : topology.disks) {
    const auto place = layout.disks().find(disk.name);
    if (place == layout.disks().end() || place->second.entries.empty()) continue;
    const std::uint32_t entry = place->second.entries.back();
    const auto before = known_.find(entry);
    if (before != known_.end() && before->second.is_of(disk, place->second)) {
      known.insert(*before);
      continue;
    }
    if (types.kernel() == nullptr) return;
    Known& found = known[entry] = {place->second.instance, disk.driver, disk.scheduler, {}};
    if (before != known_.end() && before->second.instance == found.instance)
      found.since_round = before->second.since_round;
    find_paths(
        disk, entry, types.kernel(), [&types](const char* module) { return types.module(module); }, found.since_round);
  }
  known_ = std::move(known);
  enter(learned(layout));
}

void Locks::find_paths(const Disk& disk, std::uint32_t entry, const btf* kernel, const ModuleTypes& module,
                       std::array<std::uint32_t, VQS_LOCKS>& since_round) {
  for (std::uint32_t kind = 0; kind < VQS_LOCKS; ++kind) {
    const auto found = find_lock_path(disk, static_cast<vqs_lock_kind>(kind), kernel, module);
    if (!found) {
      std::string message = fmt::format("waits for the {} lock of {} are not measured: {}", kLockNames[kind], disk.name,
                                        found.error().message);
      if (told_.insert(message).second) spdlog::warn("{}", message);
    }
    const vqs_lock_path path = found ? found->value_or(vqs_lock_path{}) : vqs_lock_path{};
    vqs_lock_path& known = arrays_.lock_paths[entry * VQS_LOCKS + kind];
    const bool same = std::memcmp(&known, &path, sizeof path) == 0;
    if (same && since_round[kind] != 0) continue;
    since_round[kind] = round_ + 1;
    if (same) continue;
    known = path;
    clear_waits(arrays_, arrays_.disks[entry], kind);  // of another lock
  }
}

void Locks::close_round() { __atomic_store_n(&arrays_.control[0].learn, 0U, __ATOMIC_RELEASE); }

void Locks::update(const Layout& layout, std::uint64_t now_ns) {
  if (load(arrays_.control[0].learn) != 0 && now_ns < round_since_ns_ + kRoundNs) return;
  close_round();
  enter(learned(layout));
  if (!asked_ && !knows_less_than_is_used(layout)) return;
  asked_ = false;
  if (++round_ == 0) ++round_;
  round_since_ns_ = now_ns;
  __atomic_store_n(&arrays_.control[0].learn, round_, __ATOMIC_RELEASE);
}

bool Locks::knows_less_than_is_used(const Layout& layout) const {
  for (const auto& [name, place] : layout.disks()) {
    if (place.entries.empty()) continue;
    const auto known = known_.find(place.entries.back());
    if (known == known_.end()) continue;
    const vqs_disk& disk = arrays_.disks[place.entries.back()];
    const std::uint32_t since = *std::ranges::max_element(known->second.since_round);
    for (std::uint32_t queue = disk.queue_base; queue < disk.queue_base + disk.queues; ++queue)
      if (load(arrays_.locks[queue * VQS_LOCKS + VQS_DISPATCH_LOCK].round) < since &&
          has_completed(arrays_.queues[queue]))
        return true;
  }
  return false;
}

// Addresses, and where each is counted.
std::map<std::uint64_t, std::uint32_t> Locks::learned(const Layout& layout) {
  std::map<std::uint64_t, std::uint32_t> addresses;
  counted_at_.clear();
  for (const auto& [name, place] : layout.disks()) {
    if (place.entries.empty()) continue;
    const auto known = known_.find(place.entries.back());
    if (known == known_.end() || known->second.instance != place.instance) continue;
    const vqs_disk& disk = arrays_.disks[place.entries.back()];
    const std::uint32_t first = disk.queue_base * VQS_LOCKS;
    for (std::uint32_t lock = first; lock < first + disk.queues * VQS_LOCKS; ++lock) {
      const vqs_lock& record = arrays_.locks[lock];
      if (__atomic_load_n(&record.round, __ATOMIC_ACQUIRE) < known->second.since_round[lock % VQS_LOCKS]) continue;
      if (const std::uint64_t address = load(record.address); address != 0)
        counted_at_[lock] = addresses.try_emplace(address, lock).first->second;
    }
  }
  return addresses;
}

void Locks::enter(const std::map<std::uint64_t, std::uint32_t>& wanted) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> freed;  // not to be used again at once: a program may look at it
  for (auto it = table_.begin(); it != table_.end();) {
    const auto [set, way] = it->second;
    vqs_lock_set& record = arrays_.lock_sets[set];
    const auto kept = wanted.find(it->first);
    if (kept != wanted.end() && kept->second == record.locks[way]) {
      ++it;
      continue;
    }
    __atomic_store_n(&record.addresses[way], 0U, __ATOMIC_RELEASE);
    freed.insert({set, way});
    it = table_.erase(it);
  }
  for (const auto& [address, lock] : wanted) {
    if (table_.contains(address)) continue;
    const std::uint32_t set = vqs_lock_hash(address);
    vqs_lock_set& record = arrays_.lock_sets[set];
    for (std::uint32_t way = 0; way < VQS_LOCK_WAYS; ++way) {
      if (record.addresses[way] != 0 || freed.contains({set, way})) continue;
      record.locks[way] = lock;
      __atomic_store_n(&record.addresses[way], address, __ATOMIC_RELEASE);
      table_[address] = {set, way};
      break;
    }
  }
  // A set can be full for now, and another address can take the place of one that has just gone.
  std::set<std::uint32_t> entered;
  for (const auto& [address, place] : table_) entered.insert(arrays_.lock_sets[place.set].locks[place.way]);
  std::erase_if(counted_at_, [&entered](const auto& lock) { return !entered.contains(lock.second); });
}

void Locks::read(const Layout& layout, Snapshot& snapshot) const {
  if (load(arrays_.control[0].spins_told) == 0) return;
  const auto sums = sum_waits(arrays_);
  for (DeviceSnapshot& device : snapshot.devices) {
    const auto place = layout.disks().find(device.name);
    if (place == layout.disks().end() || place->second.entries.empty()) continue;
    const std::uint32_t newest = place->second.entries.back();
    for (std::uint32_t kind = 0; kind < VQS_LOCKS; ++kind) {
      const bool of_disk = arrays_.lock_paths[newest * VQS_LOCKS + kind].of_disk != 0;
      for (std::uint32_t queue = 0; queue < (of_disk ? 1 : arrays_.disks[newest].queues); ++queue) {
        const auto counted = counted_at_.find((arrays_.disks[newest].queue_base + queue) * VQS_LOCKS + kind);
        if (counted == counted_at_.end()) continue;
        const auto sum = sums.find(counted->second);
        LockCounters& counters = device.locks.emplace_back(sum == sums.end() ? LockCounters{} : sum->second);
        counters.lock = kLockNames[kind];
        if (!of_disk) counters.queue = queue;
      }
    }
  }
}

}  // namespace vqscope
