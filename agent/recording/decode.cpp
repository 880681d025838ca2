// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "agent/base/text.h"
#include "agent/model/losses.h"
#include "agent/model/operations.h"
#include "agent/recording/codec.h"
#include "agent/recording/shape.h"
#include "recording/recording.pb.h"

namespace vqscope {

namespace {

namespace proto = vqscope::recording;

// Our number of each name of the segment; nullopt for a name that this vqscope does not know.
template <typename Names>
std::vector<std::optional<std::size_t>> numbers_of(const google::protobuf::RepeatedPtrField<std::string>& names,
                                                   const Names& ours) {
  std::vector<std::optional<std::size_t>> numbers;
  for (const std::string& name : names) {
    const auto it = std::find(ours.begin(), ours.end(), name);
    numbers.push_back(it == ours.end() ? std::nullopt : std::optional(static_cast<std::size_t>(it - ours.begin())));
  }
  return numbers;
}

constexpr int kMaxCpus = 65536;

void grow(std::uint64_t& counter, std::int64_t growth) { counter += static_cast<std::uint64_t>(growth); }

// What was measured grows, and what was not is absent.
void grow(std::optional<std::uint64_t>& counter, bool measured, std::int64_t growth) {
  counter = measured ? std::optional(counter.value_or(0) + static_cast<std::uint64_t>(growth)) : std::nullopt;
}

void apply(const proto::GuestActivity& source, GuestActivity& target) {
  if (source.has_cpu()) {
    if (!target.cpu) target.cpu.emplace();
    grow(target.cpu->user, source.cpu().user());
    grow(target.cpu->system, source.cpu().system());
    grow(target.cpu->irq, source.cpu().irq());
    grow(target.cpu->softirq, source.cpu().softirq());
    grow(target.cpu->idle, source.cpu().idle());
    grow(target.cpu->iowait, source.cpu().iowait());
    grow(target.cpu->steal, source.cpu().steal());
  } else {
    target.cpu.reset();
  }
  grow(target.cpu_some_us, source.has_cpu_some_us(), source.cpu_some_us());
  grow(target.io_some_us, source.has_io_some_us(), source.io_some_us());
  grow(target.io_full_us, source.has_io_full_us(), source.io_full_us());
}

// Adds the differences of a sample to the snapshot before it.
class Patch {
 public:
  Patch(const std::vector<std::optional<std::size_t>>& operations,
        const std::vector<std::optional<std::size_t>>& losses)
      : operations_(operations), losses_(losses) {}

  Result<void> apply(const proto::Sample& sample, Snapshot& snapshot) {
    grow(snapshot.time_ns, sample.time_ns());
    for (const proto::Device& device : sample.devices())
      if (DeviceSnapshot* target = at(snapshot.devices, device.index())) apply(device, *target);
    if (sample.losses_size() > 0) {
      if (!snapshot.losses || static_cast<std::size_t>(sample.losses_size()) != losses_.size())
        sensible_ = false;
      else
        for (std::size_t i = 0; i < losses_.size(); ++i)
          if (losses_[i]) grow((*snapshot.losses)[*losses_[i]], sample.losses(static_cast<int>(i)));
    }
    const bool knows_idle = sample.cpu_idle_size() > 0;
    if (sample.cpu_total_size() != sample.cpu_steal_size() || sample.cpu_total_size() > kMaxCpus ||
        (knows_idle && sample.cpu_idle_size() != sample.cpu_total_size())) {
      sensible_ = false;
    } else {
      snapshot.cpu_times.resize(static_cast<std::size_t>(sample.cpu_total_size()));
      for (int cpu = 0; cpu < sample.cpu_total_size(); ++cpu) {
        CpuTime& time = snapshot.cpu_times[static_cast<std::size_t>(cpu)];
        grow(time.total, sample.cpu_total(cpu));
        grow(time.steal, sample.cpu_steal(cpu));
        if (!knows_idle) {
          time.idle.reset();
          continue;
        }
        if (!time.idle) time.idle = 0;
        grow(*time.idle, sample.cpu_idle(cpu));
      }
    }
    if (const int cpus = sample.completion_hardirq_ns_size(); cpus > 0) {
      if (cpus != sample.completion_softirq_ns_size() ||
          static_cast<std::size_t>(cpus) != snapshot.completion_cpus.size())
        sensible_ = false;
      else
        for (int cpu = 0; cpu < cpus; ++cpu) {
          CompletionCpu& time = snapshot.completion_cpus[static_cast<std::size_t>(cpu)];
          grow(time.hardirq_ns, sample.completion_hardirq_ns(cpu));
          grow(time.softirq_ns, sample.completion_softirq_ns(cpu));
        }
    }
    vqscope::apply(sample.activity(), snapshot.activity);
    if (!sensible_) return fail("a sample counts what the recording has not declared");
    return {};
  }

 private:
  // The element, or null, and the sample makes no sense.
  template <typename T>
  T* at(std::vector<T>& list, std::uint32_t index) {
    if (index < list.size()) return &list[index];
    sensible_ = false;
    return nullptr;
  }

  void apply(const proto::Histogram& source, Histogram& target) {
    if (source.skipped_size() != source.growth_size()) {
      sensible_ = false;
      return;
    }
    std::size_t cell = 0;
    for (int i = 0; i < source.growth_size(); ++i, ++cell) {
      cell += source.skipped(i);
      if (cell >= target.cells().size()) {
        sensible_ = false;
        return;
      }
      std::uint64_t count = target.cells()[cell];
      grow(count, source.growth(i));
      target.set(cell, count);
    }
    grow(target.sum_ns, source.sum_ns());
  }

  void apply(const proto::Queue& source, QueueCounters& target) {
    for (const proto::Op& op : source.ops()) {
      if (op.kind() >= operations_.size()) {
        sensible_ = false;
        continue;
      }
      if (!operations_[op.kind()]) continue;  // of a newer vqscope
      Boxed<OpCounters>& counters = target.ops[*operations_[op.kind()]];
      if (!counters) counters.emplace();
      apply(op.device(), counters->device);
      apply(op.queue(), counters->queue);
      grow(counters->bytes, op.bytes());
      grow(counters->errors, op.errors());
    }
    for (const proto::Origin& origin : source.origins()) {
      OriginCounters* counters = at(target.origins, origin.cpu());
      if (counters == nullptr) continue;
      grow(counters->local, origin.local());
      grow(counters->cross, origin.cross());
      grow(counters->unknown, origin.unknown());
    }
    grow(target.requeues, source.requeues());
    grow(target.inflight_ns, source.inflight_ns());
    grow(target.time_ns, source.time_ns());
    grow(target.device_ns, source.device_ns());
    grow(target.queue_ns, source.queue_ns());
    if (source.has_delay()) {
      if (!target.delay) target.delay.emplace();
      grow(target.delay->local_ns, source.delay().local_ns());
      grow(target.delay->cross_ns, source.delay().cross_ns());
    }
    target.inflight += static_cast<std::uint32_t>(source.inflight());
    target.oldest_ns = source.has_oldest_ns() ? std::optional(source.oldest_ns()) : std::nullopt;
  }

  void apply(const proto::Vector& source, VectorCounters& target) {
    if (source.cpus_size() != source.counts_size()) {
      sensible_ = false;
      return;
    }
    for (int i = 0; i < source.cpus_size(); ++i)
      if (std::uint64_t* count = at(target.per_cpu, source.cpus(i))) grow(*count, source.counts(i));
    if (!source.has_handler()) return;
    if (target.handler)
      apply(source.handler(), *target.handler);
    else
      sensible_ = false;
  }

  void apply(const proto::Device& source, DeviceSnapshot& target) {
    if (source.queues_size() > 0 && !target.queues) sensible_ = false;
    if (target.queues)
      for (const proto::Queue& queue : source.queues())
        if (QueueCounters* counters = at(*target.queues, queue.index())) apply(queue, *counters);
    if (source.has_accounting() && !target.accounting) sensible_ = false;
    if (source.has_accounting() && target.accounting) {
      grow(target.accounting->time_ns, source.accounting().time_ns());
      grow(target.accounting->inflight, source.accounting().inflight());
    }
    for (const proto::Vector& vector : source.vectors())
      if (VectorCounters* counters = at(target.vectors, vector.index())) apply(vector, *counters);
    for (const proto::LockWaits& waits : source.lock_waits()) {
      LockCounters* lock = at(target.locks, waits.index());
      if (lock == nullptr) continue;
      grow(lock->waits, waits.waits());
      grow(lock->wait_ns, waits.wait_ns());
      grow(lock->longest_ns, true, waits.longest_ns());
    }
    for (const proto::Notify& notify : source.notifies()) {
      Boxed<Histogram>* histogram = at(target.notifies, notify.queue());
      if (histogram == nullptr) continue;
      if (*histogram)
        apply(notify.duration(), **histogram);
      else
        sensible_ = false;
    }
  }

  const std::vector<std::optional<std::size_t>>&operations_, &losses_;
  bool sensible_ = true;
};

DiskFacts decode(const proto::DiskFacts& source) {
  DiskFacts facts;
  if (source.has_virtio_features()) facts.virtio_features = source.virtio_features();
  if (source.has_msix_vectors()) facts.msix_vectors = source.msix_vectors();
  if (source.has_wbt_lat_usec()) facts.wbt_lat_usec = source.wbt_lat_usec();
  if (source.has_queue_depth()) facts.queue_depth = source.queue_depth();
  if (source.has_pci_id()) facts.pci_id = source.pci_id();
  if (source.has_pci_subsystem()) facts.pci_subsystem = source.pci_subsystem();
  if (source.has_shares_admin_line()) facts.shares_admin_line = source.shares_admin_line();
  if (source.has_uses_msi()) facts.uses_msi = source.uses_msi();
  if (source.has_max_segments()) facts.max_segments = source.max_segments();
  for (const proto::QueueSetting& setting : source.settings())
    facts.settings.push_back({setting.name(), setting.value()});
  return facts;
}

// Of a newer vqscope there may be a type that this one does not know.
std::optional<QueueType> decode_type(const proto::HardwareQueue& queue) {
  if (!queue.has_type() || !proto::HardwareQueue::Type_IsValid(queue.type())) return std::nullopt;
  return static_cast<QueueType>(queue.type());
}

Layer decode(const proto::Layer& source) {
  return {printable(source.device()), printable(source.name()), printable(source.kind())};
}

Disk decode(const proto::Disk& source) {
  Disk disk;
  disk.name = plain_name(source.name());
  disk.identity = source.identity();
  disk.driver = plain_name(source.driver());
  disk.transport = plain_name(source.transport());
  disk.bus_id = plain_name(source.bus_id());
  disk.scheduler = plain_name(source.scheduler());
  for (const proto::HardwareQueue& queue : source.queues())
    disk.queues.push_back({queue.index(),
                           {queue.cpus().begin(), queue.cpus().end()},
                           queue.has_tags() ? std::optional(queue.tags()) : std::nullopt,
                           decode_type(queue)});
  if (source.has_nr_requests()) disk.nr_requests = source.nr_requests();
  for (const proto::InterruptLine& line : source.interrupts()) disk.interrupts.push_back(decode_line(line));
  if (source.has_virtio()) disk.virtio = {source.virtio().index(), source.virtio().first_request_queue()};
  disk.facts = decode(source.facts());
  if (source.has_layer()) disk.stacking.layer = decode(source.layer());
  disk.stacking.made_of.assign(source.made_of().begin(), source.made_of().end());
  for (const proto::Layer& holder : source.holders()) disk.stacking.holders.push_back(decode(holder));
  return disk;
}

GuestFacts decode(const proto::Guest& source) {
  GuestFacts guest;
  guest.late_cpus.assign(source.late_cpus().begin(), source.late_cpus().end());
  if (source.has_virtio_blk_queues()) guest.limits.virtio_blk_queues = source.virtio_blk_queues();
  if (source.has_virtio_blk_poll_queues()) guest.limits.virtio_blk_poll_queues = source.virtio_blk_poll_queues();
  if (source.has_nvme_poll_queues()) guest.limits.nvme_poll_queues = source.nvme_poll_queues();
  if (source.has_nvme_write_queues()) guest.limits.nvme_write_queues = source.nvme_write_queues();
  if (source.has_xen_blkfront_queues()) guest.limits.xen_blkfront_queues = source.xen_blkfront_queues();
  if (source.has_virtio_scsi_poll_queues()) guest.limits.virtio_scsi_poll_queues = source.virtio_scsi_poll_queues();
  if (source.has_command_line()) guest.command_line = printable(source.command_line());
  guest.manager = printable(source.manager());
  if (source.has_hypervisor()) guest.hypervisor = source.hypervisor();
  if (source.has_has_msi()) guest.has_msi = source.has_msi();
  guest.architecture = printable(source.architecture());
  return guest;
}

Topology decode(const proto::Topology& source) {
  Topology topology;
  for (const proto::Disk& disk : source.disks()) topology.disks.push_back(decode(disk));
  topology.online_cpus.assign(source.online_cpus().begin(), source.online_cpus().end());
  topology.possible_cpus = source.possible_cpus();
  topology.vmm = printable(source.vmm());
  topology.guest = decode(source.guest());
  topology.possible_list.assign(source.possible_list().begin(), source.possible_list().end());
  return topology;
}

std::vector<ProbeStatus> decode(const proto::Probes& source) {
  std::vector<ProbeStatus> probes;
  for (const proto::Probe& probe : source.probes())
    probes.push_back({printable(probe.name()), probe.up(), printable(probe.reason()),
                      probe.has_missed_runs() ? std::optional(probe.missed_runs()) : std::nullopt});
  return probes;
}

RecordingHeader decode(const proto::Header& source) {
  RecordingHeader header;
  header.vqscope_version = printable(source.vqscope_version());
  header.kernel_release = printable(source.kernel_release());
  header.kernel_version = printable(source.kernel_version());
  header.machine = printable(source.machine());
  header.boot_id = source.boot_id();
  header.started_realtime_ns = source.started_realtime_ns();
  header.started_monotonic_ns = source.started_monotonic_ns();
  header.counting_since_ns = source.counting_since_ns();
  header.note = printable(source.note());
  return header;
}

}  // namespace

Result<RecordingDecoder::Event> RecordingDecoder::take(std::string_view message) {
  proto::Record record;
  if (!record.ParseFromArray(message.data(), static_cast<int>(message.size()))) return fail("a record is no message");
  if (record.has_header() == header_.has_value())
    return fail(header_ ? "a segment has two headers" : "a segment does not begin with its header");
  switch (record.kind_case()) {
    case proto::Record::kHeader:
      if (record.header().first_bucket_index() != VQS_FIRST_INDEX ||
          record.header().buckets_per_octave() != VQS_PER_OCTAVE ||
          record.header().histogram_cells() != VQS_LAST_CELL + 1)
        return fail(fmt::format("it was recorded by vqscope {} with other histogram buckets than this one's",
                                record.header().vqscope_version()));
      header_ = decode(record.header());
      operations_ = numbers_of(record.header().operations(), kOperationNames);
      losses_ = numbers_of(record.header().loss_reasons(), kLossNames);
      return Event(*header_);
    case proto::Record::kTopology:
      reading_.topology = decode(record.topology());
      have_topology_ = true;
      return Event(Nothing{});
    case proto::Record::kProbes:
      reading_.probes = decode(record.probes());
      have_probes_ = true;
      return Event(Nothing{});
    case proto::Record::kSample: break;
    case proto::Record::KIND_NOT_SET: return Event(Nothing{});  // of a newer vqscope
  }
  const proto::Sample& sample = record.sample();
  if (!have_topology_ || !have_probes_ || (!have_sample_ && !sample.full()))
    return fail("a sample comes before what it counts was declared");
  if (sample.full()) {
    if (auto sensible = check_shapes(sample); !sensible) return tl::unexpected(sensible.error());
    reading_.snapshot = blank_snapshot(sample);
    have_sample_ = true;
  }
  if (auto applied = Patch(operations_, losses_).apply(sample, reading_.snapshot); !applied)
    return tl::unexpected(applied.error());
  return Event(&std::as_const(reading_));
}

}  // namespace vqscope
