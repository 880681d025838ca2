// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <algorithm>

#include "agent/base/utf8.h"
#include "agent/model/losses.h"
#include "agent/model/operations.h"
#include "agent/recording/codec.h"
#include "agent/recording/shape.h"
#include "recording/recording.pb.h"

namespace vqscope {

namespace {

namespace proto = vqscope::recording;

void append_little_endian(std::uint32_t value, std::string& out) {
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

// Whatever the kernel, a device or a person put into a string: a message with one that is not UTF-8 is read by nobody.
void make_strings_valid(google::protobuf::Message& message) {
  using Field = google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& access = *message.GetReflection();
  std::vector<const Field*> fields;
  access.ListFields(message, &fields);
  for (const Field* field : fields) {
    const int count = field->is_repeated() ? access.FieldSize(message, field) : 1;
    if (field->cpp_type() == Field::CPPTYPE_STRING && field->type() == Field::TYPE_STRING) {
      for (int i = 0; i < count; ++i) {
        std::string text =
            field->is_repeated() ? access.GetRepeatedString(message, field, i) : access.GetString(message, field);
        if (is_valid_utf8(text)) continue;
        text = with_valid_utf8(std::move(text));
        if (field->is_repeated())
          access.SetRepeatedString(&message, field, i, std::move(text));
        else
          access.SetString(&message, field, std::move(text));
      }
    } else if (field->cpp_type() == Field::CPPTYPE_MESSAGE) {
      for (int i = 0; i < count; ++i)
        make_strings_valid(*(field->is_repeated() ? access.MutableRepeatedMessage(&message, field, i)
                                                  : access.MutableMessage(&message, field)));
    }
  }
}

void append_record(proto::Record& record, std::string& out) {
  make_strings_valid(record);
  const std::string message = record.SerializeAsString();
  append_little_endian(static_cast<std::uint32_t>(message.size()), out);
  append_little_endian(
      static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(message.data()), message.size())), out);
  out += message;
}

std::int64_t growth(std::uint64_t before, std::uint64_t now) { return static_cast<std::int64_t>(now - before); }

// Each function below writes what changed.

void encode(const Histogram& before, const Histogram& now, proto::Histogram& target) {
  std::uint32_t skipped = 0;
  for (std::size_t cell = 0; cell < now.cells().size(); ++cell) {
    if (now.cells()[cell] == before.cells()[cell]) {
      ++skipped;
      continue;
    }
    target.add_skipped(skipped);
    target.add_growth(growth(before.cells()[cell], now.cells()[cell]));
    skipped = 0;
  }
  target.set_sum_ns(growth(before.sum_ns, now.sum_ns));
}

void encode(const OpCounters& before, const OpCounters& now, proto::Op& target) {
  encode(before.device, now.device, *target.mutable_device());
  encode(before.queue, now.queue, *target.mutable_queue());
  target.set_bytes(growth(before.bytes, now.bytes));
  target.set_errors(growth(before.errors, now.errors));
}

void encode(const QueueCounters& before, const QueueCounters& now, proto::Queue& target) {
  for (std::size_t kind = 0; kind < now.ops.size(); ++kind) {
    if (now.ops[kind] == before.ops[kind]) continue;
    proto::Op* op = target.add_ops();
    op->set_kind(static_cast<std::uint32_t>(kind));
    encode(before.ops[kind] ? *before.ops[kind] : OpCounters{}, *now.ops[kind], *op);
  }
  for (std::size_t cpu = 0; cpu < now.origins.size(); ++cpu) {
    const OriginCounters& old = before.origins[cpu];
    const OriginCounters& origin = now.origins[cpu];
    if (old == origin) continue;
    proto::Origin* written = target.add_origins();
    written->set_cpu(static_cast<std::uint32_t>(cpu));
    written->set_local(growth(old.local, origin.local));
    written->set_cross(growth(old.cross, origin.cross));
    written->set_unknown(growth(old.unknown, origin.unknown));
  }
  target.set_requeues(growth(before.requeues, now.requeues));
  target.set_inflight_ns(growth(before.inflight_ns, now.inflight_ns));
  target.set_time_ns(growth(before.time_ns, now.time_ns));
  target.set_device_ns(growth(before.device_ns, now.device_ns));
  target.set_queue_ns(growth(before.queue_ns, now.queue_ns));
  if (now.delay && now.delay != before.delay) {
    const CompletionDelay old = before.delay.value_or(CompletionDelay{});
    target.mutable_delay()->set_local_ns(growth(old.local_ns, now.delay->local_ns));
    target.mutable_delay()->set_cross_ns(growth(old.cross_ns, now.delay->cross_ns));
  }
  target.set_inflight(growth(before.inflight, now.inflight));
  if (now.oldest_ns) target.set_oldest_ns(*now.oldest_ns);
}

void encode(const VectorCounters& before, const VectorCounters& now, proto::Vector& target) {
  for (std::size_t cpu = 0; cpu < now.per_cpu.size(); ++cpu) {
    if (now.per_cpu[cpu] == before.per_cpu[cpu]) continue;
    target.add_cpus(static_cast<std::uint32_t>(cpu));
    target.add_counts(growth(before.per_cpu[cpu], now.per_cpu[cpu]));
  }
  if (now.handler && now.handler != before.handler) encode(*before.handler, *now.handler, *target.mutable_handler());
}

void encode(const LockCounters& before, const LockCounters& now, proto::LockWaits& target) {
  target.set_waits(growth(before.waits, now.waits));
  target.set_wait_ns(growth(before.wait_ns, now.wait_ns));
  target.set_longest_ns(growth(before.longest_ns.value_or(0), now.longest_ns.value_or(0)));
}

void encode(const DeviceSnapshot& before, const DeviceSnapshot& now, proto::Device& target);

template <typename T, typename Message>
void add_if_changed(const T& before, const T& now, std::size_t index,
                    google::protobuf::RepeatedPtrField<Message>& list) {
  if (now == before) return;
  Message* message = list.Add();
  message->set_index(static_cast<std::uint32_t>(index));
  encode(before, now, *message);
}

void encode(const DeviceSnapshot& before, const DeviceSnapshot& now, proto::Device& target) {
  if (now.queues)
    for (std::size_t q = 0; q < now.queues->size(); ++q)
      add_if_changed((*before.queues)[q], (*now.queues)[q], q, *target.mutable_queues());
  if (now.accounting && now.accounting != before.accounting) {
    target.mutable_accounting()->set_time_ns(growth(before.accounting->time_ns, now.accounting->time_ns));
    target.mutable_accounting()->set_inflight(growth(before.accounting->inflight, now.accounting->inflight));
  }
  for (std::size_t v = 0; v < now.vectors.size(); ++v)
    add_if_changed(before.vectors[v], now.vectors[v], v, *target.mutable_vectors());
  for (std::size_t l = 0; l < now.locks.size(); ++l)
    add_if_changed(before.locks[l], now.locks[l], l, *target.mutable_lock_waits());
  for (std::size_t q = 0; q < now.notifies.size(); ++q) {
    if (now.notifies[q] == before.notifies[q]) continue;
    proto::Notify* notify = target.add_notifies();
    notify->set_queue(static_cast<std::uint32_t>(q));
    encode(*before.notifies[q], *now.notifies[q], *notify->mutable_duration());
  }
}

void encode(const CpuUse& before, const CpuUse& now, proto::CpuUse& target) {
  target.set_user(growth(before.user, now.user));
  target.set_system(growth(before.system, now.system));
  target.set_irq(growth(before.irq, now.irq));
  target.set_softirq(growth(before.softirq, now.softirq));
  target.set_idle(growth(before.idle, now.idle));
  target.set_iowait(growth(before.iowait, now.iowait));
  target.set_steal(growth(before.steal, now.steal));
}

void encode(const GuestActivity& before, const GuestActivity& now, proto::GuestActivity& target) {
  if (now.cpu) encode(before.cpu.value_or(CpuUse{}), *now.cpu, *target.mutable_cpu());
  if (now.cpu_some_us) target.set_cpu_some_us(growth(before.cpu_some_us.value_or(0), *now.cpu_some_us));
  if (now.io_some_us) target.set_io_some_us(growth(before.io_some_us.value_or(0), *now.io_some_us));
  if (now.io_full_us) target.set_io_full_us(growth(before.io_full_us.value_or(0), *now.io_full_us));
}

void encode(const Snapshot& before, const Snapshot& now, proto::Sample& target) {
  target.set_time_ns(growth(before.time_ns, now.time_ns));
  for (std::size_t d = 0; d < now.devices.size(); ++d)
    add_if_changed(before.devices[d], now.devices[d], d, *target.mutable_devices());
  if (now.losses && *now.losses != *before.losses)
    for (std::size_t i = 0; i < now.losses->size(); ++i)
      target.add_losses(growth((*before.losses)[i], (*now.losses)[i]));
  const bool knows_idle = std::all_of(now.cpu_times.begin(), now.cpu_times.end(),
                                      [](const CpuTime& time) { return time.idle.has_value(); });
  // Where it was not known of one of them, it was not written of any.
  const bool knew_idle = std::all_of(before.cpu_times.begin(), before.cpu_times.end(),
                                     [](const CpuTime& time) { return time.idle.has_value(); });
  const CpuTime none;
  for (std::size_t cpu = 0; cpu < now.cpu_times.size(); ++cpu) {
    const CpuTime& old = cpu < before.cpu_times.size() ? before.cpu_times[cpu] : none;
    target.add_cpu_total(growth(old.total, now.cpu_times[cpu].total));
    target.add_cpu_steal(growth(old.steal, now.cpu_times[cpu].steal));
    if (knows_idle) target.add_cpu_idle(growth(knew_idle ? old.idle.value_or(0) : 0, *now.cpu_times[cpu].idle));
  }
  if (now.completion_cpus != before.completion_cpus)
    for (std::size_t cpu = 0; cpu < now.completion_cpus.size(); ++cpu) {
      const CompletionCpu &old = before.completion_cpus[cpu], &time = now.completion_cpus[cpu];
      target.add_completion_hardirq_ns(growth(old.hardirq_ns, time.hardirq_ns));
      target.add_completion_softirq_ns(growth(old.softirq_ns, time.softirq_ns));
    }
  if (now.activity != GuestActivity{}) encode(before.activity, now.activity, *target.mutable_activity());
}

void encode(const InterruptLine& line, proto::InterruptLine& target) {
  target.set_irq(line.irq);
  if (line.queue) target.set_queue(*line.queue);
  target.set_action(line.action);
}

void encode(const DiskFacts& facts, proto::DiskFacts& target) {
  if (facts.virtio_features) target.set_virtio_features(*facts.virtio_features);
  if (facts.msix_vectors) target.set_msix_vectors(*facts.msix_vectors);
  if (facts.wbt_lat_usec) target.set_wbt_lat_usec(*facts.wbt_lat_usec);
  if (facts.queue_depth) target.set_queue_depth(*facts.queue_depth);
  if (facts.pci_id) target.set_pci_id(*facts.pci_id);
  if (facts.pci_subsystem) target.set_pci_subsystem(*facts.pci_subsystem);
  if (facts.shares_admin_line) target.set_shares_admin_line(*facts.shares_admin_line);
  if (facts.uses_msi) target.set_uses_msi(*facts.uses_msi);
  if (facts.max_segments) target.set_max_segments(*facts.max_segments);
  for (const QueueSetting& setting : facts.settings) {
    proto::QueueSetting* written = target.add_settings();
    written->set_name(setting.name);
    written->set_value(setting.value);
  }
}

void encode(const GuestFacts& guest, proto::Guest& target) {
  target.mutable_late_cpus()->Add(guest.late_cpus.begin(), guest.late_cpus.end());
  const GuestLimits& limits = guest.limits;
  if (limits.virtio_blk_queues) target.set_virtio_blk_queues(*limits.virtio_blk_queues);
  if (limits.virtio_blk_poll_queues) target.set_virtio_blk_poll_queues(*limits.virtio_blk_poll_queues);
  if (limits.nvme_poll_queues) target.set_nvme_poll_queues(*limits.nvme_poll_queues);
  if (limits.nvme_write_queues) target.set_nvme_write_queues(*limits.nvme_write_queues);
  if (limits.xen_blkfront_queues) target.set_xen_blkfront_queues(*limits.xen_blkfront_queues);
  if (limits.virtio_scsi_poll_queues) target.set_virtio_scsi_poll_queues(*limits.virtio_scsi_poll_queues);
  if (guest.command_line) target.set_command_line(*guest.command_line);
  target.set_manager(guest.manager);
  if (guest.hypervisor) target.set_hypervisor(*guest.hypervisor);
  if (guest.has_msi) target.set_has_msi(*guest.has_msi);
  target.set_architecture(guest.architecture);
}

void encode(const Layer& layer, proto::Layer& target) {
  target.set_device(layer.device);
  target.set_name(layer.name);
  target.set_kind(layer.kind);
}

void encode(const Disk& disk, proto::Disk& target) {
  target.set_name(disk.name);
  target.set_identity(disk.identity);
  target.set_driver(disk.driver);
  target.set_transport(disk.transport);
  target.set_bus_id(disk.bus_id);
  target.set_scheduler(disk.scheduler);
  for (const HardwareQueue& queue : disk.queues) {
    proto::HardwareQueue* written = target.add_queues();
    written->set_index(queue.index);
    written->mutable_cpus()->Add(queue.cpus.begin(), queue.cpus.end());
    if (queue.tags) written->set_tags(*queue.tags);
    if (queue.type) written->set_type(static_cast<proto::HardwareQueue::Type>(*queue.type));
  }
  if (disk.nr_requests) target.set_nr_requests(*disk.nr_requests);
  for (const InterruptLine& line : disk.interrupts) encode(line, *target.add_interrupts());
  if (disk.virtio) {
    target.mutable_virtio()->set_index(disk.virtio->index);
    target.mutable_virtio()->set_first_request_queue(disk.virtio->first_request_queue);
  }
  encode(disk.facts, *target.mutable_facts());
  if (disk.stacking.layer) encode(*disk.stacking.layer, *target.mutable_layer());
  for (const std::string& below : disk.stacking.made_of) target.add_made_of(below);
  for (const Layer& holder : disk.stacking.holders) encode(holder, *target.add_holders());
}

void encode(const Topology& topology, proto::Topology& target) {
  for (const Disk& disk : topology.disks) encode(disk, *target.add_disks());
  target.mutable_online_cpus()->Add(topology.online_cpus.begin(), topology.online_cpus.end());
  target.set_possible_cpus(topology.possible_cpus);
  target.set_vmm(topology.vmm);
  encode(topology.guest, *target.mutable_guest());
  target.mutable_possible_list()->Add(topology.possible_list.begin(), topology.possible_list.end());
}

void encode(const std::vector<ProbeStatus>& probes, proto::Probes& target) {
  for (const ProbeStatus& status : probes) {
    proto::Probe* probe = target.add_probes();
    probe->set_name(status.name);
    probe->set_up(status.up);
    probe->set_reason(status.reason);
    if (status.missed_runs) probe->set_missed_runs(*status.missed_runs);
  }
}

void encode(const RecordingHeader& header, proto::Header& target) {
  target.set_vqscope_version(header.vqscope_version);
  target.set_kernel_release(header.kernel_release);
  target.set_kernel_version(header.kernel_version);
  target.set_machine(header.machine);
  target.set_boot_id(header.boot_id);
  target.set_started_realtime_ns(header.started_realtime_ns);
  target.set_started_monotonic_ns(header.started_monotonic_ns);
  target.set_counting_since_ns(header.counting_since_ns);
  target.set_note(header.note);
  for (const std::string_view name : kOperationNames) target.add_operations(std::string(name));
  for (const std::string_view name : kLossNames) target.add_loss_reasons(std::string(name));
  target.set_first_bucket_index(VQS_FIRST_INDEX);
  target.set_buckets_per_octave(VQS_PER_OCTAVE);
  target.set_histogram_cells(VQS_LAST_CELL + 1);
}

proto::Shape shape_of(const DeviceSnapshot& device) {
  proto::Shape shape;
  shape.set_name(device.name);
  shape.set_instance(device.instance);
  if (device.queues) {
    shape.set_queues(static_cast<std::uint32_t>(device.queues->size()));
    for (const QueueCounters& queue : *device.queues)
      shape.set_origin_cpus(std::max(shape.origin_cpus(), static_cast<std::uint32_t>(queue.origins.size())));
  }
  shape.set_accounting(device.accounting.has_value());
  for (const VectorCounters& vector : device.vectors) {
    proto::Shape::Line* line = shape.add_lines();
    encode(vector.line, *line->mutable_line());
    line->set_cpus(static_cast<std::uint32_t>(vector.per_cpu.size()));
    line->set_handler(static_cast<bool>(vector.handler));
  }
  for (const Boxed<Histogram>& notify : device.notifies) shape.add_notifies(static_cast<bool>(notify));
  for (const LockCounters& lock : device.locks) {
    proto::Shape::Lock* written = shape.add_locks();
    written->set_lock(lock.lock);
    if (lock.queue) written->set_queue(*lock.queue);
  }
  return shape;
}

// What was seen of a queue before, an operation or completions with an interrupt, is not there any more.
bool lost_something(const QueueCounters& before, const QueueCounters& now) {
  for (std::size_t kind = 0; kind < VQS_OPS; ++kind)
    if (before.ops[kind] && !now.ops[kind]) return true;
  return before.delay && !now.delay;
}

// The counters began anew.
bool began_anew(const Snapshot& before, const Snapshot& now) {
  for (std::size_t d = 0; d < now.devices.size(); ++d) {
    if (!now.devices[d].queues) continue;
    for (std::size_t q = 0; q < now.devices[d].queues->size(); ++q)
      if (lost_something((*before.devices[d].queues)[q], (*now.devices[d].queues)[q])) return true;
  }
  return false;
}

}  // namespace

std::string RecordingEncoder::begin(const RecordingHeader& header) {
  previous_.reset();
  shapes_.clear();
  std::string out(kRecordingMagic);
  append_little_endian(kRecordingFormat, out);
  proto::Record record;
  encode(header, *record.mutable_header());
  append_record(record, out);
  return out;
}

std::string RecordingEncoder::add(const Reading& reading) {
  std::string out;
  if (!previous_ || previous_->topology != reading.topology) {
    proto::Record record;
    encode(reading.topology, *record.mutable_topology());
    append_record(record, out);
  }
  if (!previous_ || previous_->probes != reading.probes) {
    proto::Record record;
    encode(reading.probes, *record.mutable_probes());
    append_record(record, out);
  }

  // Every queue of a device has as many origins in a recording.
  Reading now = reading;
  proto::Sample shaped;
  for (DeviceSnapshot& device : now.snapshot.devices) {
    const proto::Shape shape = shape_of(device);
    if (device.queues)
      for (QueueCounters& queue : *device.queues) queue.origins.resize(shape.origin_cpus());
    *shaped.add_shapes() = shape;
  }
  shaped.set_has_losses(now.snapshot.losses.has_value());
  shaped.set_completion_cpus(static_cast<std::uint32_t>(now.snapshot.completion_cpus.size()));
  make_strings_valid(shaped);
  std::string shapes = shaped.SerializeAsString();

  proto::Record record;
  proto::Sample& sample = *record.mutable_sample();
  if (!previous_ || shapes != shapes_ || began_anew(previous_->snapshot, now.snapshot)) {
    sample = shaped;
    sample.set_full(true);
    encode(blank_snapshot(shaped), now.snapshot, sample);
  } else {
    encode(previous_->snapshot, now.snapshot, sample);
  }
  append_record(record, out);
  previous_ = std::move(now);
  shapes_ = std::move(shapes);
  return out;
}

std::string encode_recording(const RecordingHeader& header, const Reading& reading) {
  RecordingEncoder encoder;
  std::string out = encoder.begin(header);
  return out += encoder.add(reading);
}

}  // namespace vqscope
