// SPDX-License-Identifier: Apache-2.0
#include "agent/collector/collector.h"

#include <fmt/ranges.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/text.h"
#include "agent/collector/finding_log.h"
#include "agent/model/window.h"
#include "agent/topology/facts.h"
#include "agent/topology/parse.h"
#include "agent/topology/vmm.h"

namespace vqscope {

namespace {

// Findings are judged over windows of this length: long enough for a tail, short enough for an alert.
constexpr std::uint64_t kFindingsWindowNs = 5'000'000'000;

// "virtio_blk 0000:00:04.0"
std::string attachment(const Disk& disk) {
  if (disk.driver.empty()) return disk.transport;
  return disk.bus_id.empty() ? disk.driver : disk.driver + " " + disk.bus_id;
}

}  // namespace

Result<std::unique_ptr<Collector>> Collector::create(CollectorOptions options) {
  std::unique_ptr<Collector> collector(new Collector(std::move(options)));
  collector->hypervisor_ = hypervisor_signature();
  auto topology = scan_topology(collector->options_.paths, collector->options_.filter, collector->hypervisor_);
  if (!topology) return tl::unexpected(topology.error());
  collector->topology_ = std::move(*topology);
  if (auto attached = collector->attach_probes(); !attached) return tl::unexpected(attached.error());
  ::malloc_trim(0);  // loading the programs took the kernel's whole type information into memory
  collector->sample();
  return collector;
}

Result<void> Collector::attach_probes() {
  auto arrays = Arrays::create(capacity_for(topology_));
  if (arrays) {
    arrays_ = std::move(*arrays);
    layout_ = std::make_unique<Layout>(*arrays_);
    layout_->apply(topology_, monotonic_ns());
    // Until all programs are attached, every request may have been issued before.
    arrays_->control[0].attached_ns = ~__u64{0};
    tell_of_disks_without_room();
  }
  for (const ProbeKind& kind : probe_kinds()) {
    auto probe = arrays_ ? kind.attach(*arrays_) : Result<ProbePtr>(tl::unexpected(arrays.error()));
    const std::string name(kind.name);
    const auto& required = options_.required_probes;
    if (!probe && std::find(required.begin(), required.end(), name) != required.end())
      return fail("the " + name + " probe is required but " + probe.error().message, probe.error().code);
    if (!probe) spdlog::warn("the {} probe is off ({} will be missing): {}", name, kind.what, probe.error().message);
    statuses_.push_back({name, probe.has_value(), probe ? "" : probe.error().message, std::nullopt});
    probes_.push_back(probe ? std::move(*probe) : nullptr);
    if (name == "block") up_.block = statuses_.back().up;
    if (name == "irq") up_.irq = statuses_.back().up;
    if (name == "notify") up_.notify = statuses_.back().up;
    if (name == "lock") up_.lock = statuses_.back().up;
  }
  if (up_.block && up_.lock) {
    locks_ = std::make_unique<Locks>(*arrays_);
    locks_->place(topology_, *layout_);
  }
  if (!up_.block && !up_.irq && !up_.notify && !up_.lock) {
    layout_.reset();
    arrays_.reset();
  }
  if (arrays_) __atomic_store_n(&arrays_->control[0].attached_ns, monotonic_ns(), __ATOMIC_RELAXED);
  count_missed_interrupts();
  return {};
}

Snapshot Collector::read(Detail detail) const {
  Snapshot snapshot =
      read_snapshot(options_.paths, topology_, arrays_ ? &*arrays_ : nullptr, layout_.get(), up_, detail);
  if (locks_) locks_->read(*layout_, snapshot);
  keep_monotonic(last_, snapshot);
  return snapshot;
}

Reading Collector::reading() {
  const std::scoped_lock lock(mutex_);
  if (layout_) layout_->choose_owners(monotonic_ns());
  if (locks_) locks_->update(*layout_, monotonic_ns());
  Snapshot snapshot = read(Detail::kHistograms);
  last_ = without_histograms(snapshot);
  const std::string stat = read_file(options_.paths.procfs / "stat").value_or("");
  snapshot.cpu_times = parse_cpu_times(stat);
  snapshot.activity = read_activity(options_.paths, stat);
  return {topology_, statuses_, std::move(snapshot)};
}

Model Collector::collect() {
  const std::scoped_lock lock(mutex_);
  Snapshot snapshot = read(Detail::kHistograms);
  // The youngest sample that is a whole window old; while there is none yet, the oldest.
  const Snapshot* earlier = window_.empty() ? nullptr : &window_.front();
  for (const Snapshot& sample : window_)
    if (sample.time_ns + options_.window_ns <= snapshot.time_ns) earlier = &sample;
  last_ = without_histograms(snapshot);
  Model model = derive(topology_, std::move(snapshot), earlier, statuses_);
  model.findings = findings_.active();
  return model;
}

Reading Collector::sample(Detail detail) {
  const std::scoped_lock lock(mutex_);
  if (layout_) layout_->choose_owners(monotonic_ns());
  if (locks_) locks_->update(*layout_, monotonic_ns());
  Snapshot now = read(detail);
  last_ = without_histograms(now);
  window_.push_back(last_);
  // Keep one sample that is older than the window.
  while (window_.size() > 2 && window_[1].time_ns + options_.window_ns <= last_.time_ns) window_.pop_front();
  count_missed_runs();
  look_after_old_requests();
  tell_of_disks_without_numbers();
  course_.add(topology_, last_);
  const bool due = last_.time_ns >= findings_since_.time_ns + kFindingsWindowNs, whole = detail == Detail::kHistograms;
  const auto add_cpu_times = [&](Snapshot snapshot) {
    snapshot.cpu_times = read_cpu_times(options_.paths).value_or(std::vector<CpuTime>{});
    return snapshot;
  };
  if (whole) now = add_cpu_times(std::move(now));
  if (due) look_for_findings(whole ? now : add_cpu_times(read(Detail::kHistograms)));
  return {topology_, statuses_, std::move(now)};
}

// Of the runs of rq_complete that were skipped, those count that rq_complete2 does not make up for. It may be about to
// when the kernel has counted the skipped one already: what two samples in a row find is sure.
void Collector::count_missed_runs() {
  last_missed_runs_.resize(probes_.size());
  for (std::size_t i = 0; i < probes_.size(); ++i) {
    auto missed = probes_[i] ? probes_[i]->missed_runs() : std::nullopt;
    if (missed && statuses_[i].name == "block")
      *missed -= std::min<std::uint64_t>(*missed, load(arrays_->control[0].recovered));
    const auto before = std::exchange(last_missed_runs_[i], missed);
    auto& told = statuses_[i].missed_runs;
    if (missed) told = std::max(told.value_or(0), std::min(*missed, before.value_or(0)));
  }
}

void Collector::count_missed_interrupts() {
  if (!up_.irq) return;
  const std::uint64_t missed = interrupts_.find_missed(options_.paths, topology_, *arrays_, *layout_);
  __atomic_fetch_add(&arrays_->control[0].lost[VQS_LOST_INTERRUPT], missed, __ATOMIC_RELAXED);
}

// Has the programs see to the disk that comes next, by name, among those with a request that has been in flight for
// long: to one slot at each issue.
void Collector::look_after_old_requests() {
  if (!layout_) return;
  vqs_control& control = arrays_->control[0];
  if (load(control.look_at) != 0) return;  // not through yet
  std::set<std::string> old;
  for (const DeviceSnapshot& device : last_.devices)
    if (device.queues && std::ranges::any_of(*device.queues, [](const QueueCounters& queue) {
          return queue.oldest_ns.value_or(0) > VQS_LOOK_AFTER_NS;
        }))
      old.insert(device.name);
  if (old.empty()) return;
  const auto next = old.upper_bound(looked_after_);
  looked_after_ = next == old.end() ? *old.begin() : *next;
  const auto disk = layout_->disks().find(looked_after_);
  if (disk == layout_->disks().end() || disk->second.entries.empty()) return;
  const vqs_disk& place = arrays_->disks[disk->second.entries.back()];
  __atomic_store_n(&control.look_end, place.slot_base + place.queues * place.depth + 1, __ATOMIC_RELAXED);
  __atomic_store_n(&control.look_at, place.slot_base + 1, __ATOMIC_RELEASE);
}

void Collector::look_for_findings(Snapshot now) {
  condense(now);
  // At first there is no window yet.
  if (findings_since_.time_ns != 0) {
    for (const auto& [severity, finding] : findings_.update(diagnose(topology_, findings_since_, now, course_))) {
      if (!severity)
        spdlog::info("finding {} on {} is over", finding.kind->id, place_of(finding));
      else
        spdlog::log(*severity == Severity::kInfo ? spdlog::level::info : spdlog::level::warn, "{}",
                    log_line(*severity, finding));
    }
  }
  course_.restart();
  findings_since_ = std::move(now);
}

std::uint64_t Collector::out_of_range() const {
  const auto& lost = arrays_->control[0].lost;
  return load(lost[VQS_LOST_QUEUE_RANGE]) + load(lost[VQS_LOST_TAG_RANGE]);
}

bool Collector::outdated() const {
  std::vector<std::pair<std::string, std::string>> elevators;  // by disk
  {
    const std::scoped_lock lock(mutex_);
    if (arrays_ && out_of_range() > handled_range_losses_) return true;
    if (locks_)
      for (const Disk& disk : topology_.disks) elevators.emplace_back(disk.name, disk.scheduler);
  }
  // No uevent tells of it.
  return std::ranges::any_of(elevators, [&](const auto& known) {
    const auto text = read_file(options_.paths.sysfs / "block" / sysfs_name(known.first) / "queue/scheduler");
    return text && parse_choice(trim(*text)) != known.second;
  });
}

std::string Collector::summary() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string_view> up;
  for (const ProbeStatus& status : statuses_)
    if (status.up) up.push_back(status.name);
  return fmt::format("{} disk{}, {}", topology_.disks.size(), topology_.disks.size() == 1 ? "" : "s",
                     up.empty() ? "no probe" : fmt::format("probes: {}", fmt::join(up, ", ")));
}

bool Collector::refresh() {
  auto topology = scan_topology(options_.paths, options_.filter, hypervisor_);
  const std::scoped_lock lock(mutex_);
  if (topology)
    if (auto checked = check_none_hidden(options_.paths, topology_, *topology); !checked)
      topology = tl::unexpected(checked.error());
  if (!topology) {
    if (!topology_unreadable_) spdlog::error("the disks known so far stay in force: {}", topology.error().message);
    topology_unreadable_ = true;
    return false;
  }
  if (topology_unreadable_) spdlog::info("the disks can be read again");
  topology_unreadable_ = false;
  for (const Disk& disk : topology->disks)
    if (std::none_of(topology_.disks.begin(), topology_.disks.end(),
                     [&](const Disk& d) { return d.name == disk.name; }))
      spdlog::info("disk {} appeared: {}, {} hardware queue(s)", disk.name, attachment(disk), disk.queues.size());
  for (const Disk& disk : topology_.disks)
    if (std::none_of(topology->disks.begin(), topology->disks.end(),
                     [&](const Disk& d) { return d.name == disk.name; }))
      spdlog::info("disk {} is gone", disk.name);
  keep_facts_of_root(topology_, *topology);
  topology_ = std::move(*topology);
  if (!layout_) return true;
  handled_range_losses_ = out_of_range();
  const bool settled = layout_->apply(topology_, monotonic_ns());
  if (locks_) locks_->place(topology_, *layout_);
  count_missed_interrupts();
  tell_of_disks_without_room();
  return settled;
}

void Collector::tell_of_disks_without_room() {
  for (const auto& [name, place] : layout_->disks())
    if (place.entries.empty() && told_of_.insert(place.instance).second)
      spdlog::warn(
          "disk {} has only the kernel's own accounting: there is no room left for its queues and tags; restart "
          "the agent to make room",
          name);
}

void Collector::tell_of_disks_without_numbers() {
  const auto without = std::find_if(last_.devices.begin(), last_.devices.end(),
                                    [](const DeviceSnapshot& device) { return !device.queues && !device.accounting; });
  const bool unreadable = without != last_.devices.end();
  if (unreadable == accounting_unreadable_) return;
  accounting_unreadable_ = unreadable;
  if (!unreadable) {
    spdlog::info("the kernel's accounting of every disk can be read again");
    return;
  }
  const auto stats = read_diskstats(options_.paths);
  spdlog::error("in-flight and time in queue of {} are missing for now: {}", without->name,
                stats ? "it was not in " + (options_.paths.procfs / "diskstats").string() : stats.error().message);
}

}  // namespace vqscope
