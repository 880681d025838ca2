// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/arrays.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>

#include "agent/probes/permission.h"

namespace vqscope {

Result<MappedArray> MappedArray::create(const char* name, std::size_t record_size, std::uint32_t records) {
  bpf_map_create_opts options = {};
  options.sz = sizeof options;
  options.map_flags = BPF_F_MMAPABLE;
  MappedArray array;
  array.fd_ = Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(std::uint32_t), static_cast<__u32>(record_size),
                                records, &options));
  if (!array.fd_) {
    const int code = errno;
    const std::string what =
        fmt::format("cannot create the BPF array '{}' of {} x {} bytes", name, records, record_size);
    if (code == EPERM) return fail(what + ": " + why_not_permitted(), code);
    if (code == ENOSYS) return fail(what + ": this kernel was built without BPF", code);
    if (code == EINVAL) return fail(what + ": this kernel has no memory-mapped BPF arrays (Linux 5.5 has)", code);
    return fail_errno(what, code);
  }
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  array.bytes_ = (record_size * records + page - 1) / page * page;
  void* data = ::mmap(nullptr, array.bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, array.fd_.get(), 0);
  if (data == MAP_FAILED) return fail_errno(fmt::format("cannot map the BPF array '{}'", name));
  array.data_ = data;
  return array;
}

MappedArray& MappedArray::operator=(MappedArray&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedArray::~MappedArray() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

Result<Arrays> Arrays::create(const Capacity& capacity) {
  Arrays arrays;
  arrays.capacity = capacity;
  std::optional<Error> error;
  const auto make = [&error](auto& array, const char* name, std::uint32_t records) {
    if (error) return;
    auto created = std::remove_reference_t<decltype(array)>::create(name, records);
    if (created)
      array = std::move(*created);
    else
      error = created.error();
  };
  make(arrays.control, "vqs_control", 1);
  make(arrays.names, "vqs_names", VQS_NAME_BUCKETS);
  make(arrays.disks, "vqs_disks", VQS_MAX_DISKS);
  make(arrays.queue_refs, "vqs_queue_refs", VQS_MAX_QUEUE_IDS);
  make(arrays.found_queues, "vqs_found", capacity.possible_cpus * VQS_FINDERS * VQS_FOUND);
  make(arrays.slots, "vqs_slots", capacity.slots);
  make(arrays.slot_ends, "vqs_slot_ends", capacity.slots);
  make(arrays.queues, "vqs_queues", capacity.queues);
  make(arrays.origins, "vqs_origins", capacity.queues * capacity.possible_cpus);
  make(arrays.irqs, "vqs_irqs", VQS_MAX_IRQS);
  make(arrays.vectors, "vqs_vectors", capacity.vectors);
  make(arrays.vector_cpus, "vqs_vector_cpus", capacity.vectors * capacity.possible_cpus);
  make(arrays.cpus, "vqs_cpus", capacity.possible_cpus);
  make(arrays.lock_paths, "vqs_lock_paths", std::uint32_t{VQS_MAX_DISKS} * VQS_LOCKS);
  make(arrays.locks, "vqs_locks", capacity.queues * VQS_LOCKS);
  make(arrays.lock_sets, "vqs_lock_sets", VQS_LOCK_SETS);
  make(arrays.lock_waits, "vqs_lock_waits", capacity.queues * VQS_LOCKS * capacity.possible_cpus);
  make(arrays.lock_used, "vqs_lock_used", capacity.possible_cpus * vqs_lock_words(capacity.queues * VQS_LOCKS));
  make(arrays.waiting, "vqs_waiting", capacity.possible_cpus);
  make(arrays.virtio_devices, "vqs_virtio", VQS_MAX_VIRTIO_DEVICES);
  make(arrays.notifies, "vqs_notifies", capacity.queues);
  make(arrays.notify_calls, "vqs_notify_call", VQS_NOTIFY_SETS);
  if (error) return tl::unexpected(*error);
  return arrays;
}

std::size_t Arrays::bytes() const {
  return control.bytes() + names.bytes() + disks.bytes() + queue_refs.bytes() + found_queues.bytes() + slots.bytes() +
         slot_ends.bytes() + queues.bytes() + origins.bytes() + irqs.bytes() + vectors.bytes() + vector_cpus.bytes() +
         cpus.bytes() + lock_paths.bytes() + locks.bytes() + lock_sets.bytes() + lock_waits.bytes() +
         lock_used.bytes() + waiting.bytes() + virtio_devices.bytes() + notifies.bytes() + notify_calls.bytes();
}

}  // namespace vqscope
