// SPDX-License-Identifier: Apache-2.0
// The memory-mapped BPF arrays through which the programs and the agent share the records of bpf/records.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "bpf/records.h"

namespace vqscope {

// Owns one BPF_F_MMAPABLE array and its mapping. Reading and writing make no system call.
class MappedArray {
 public:
  // `name` is what bpftool shows (15 characters at the most). Fails with the errno of bpf() or mmap().
  static Result<MappedArray> create(const char* name, std::size_t record_size, std::uint32_t records);

  MappedArray() = default;
  MappedArray(MappedArray&& other) noexcept { *this = std::move(other); }
  MappedArray& operator=(MappedArray&& other) noexcept;
  ~MappedArray();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  Fd fd_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// A MappedArray of one record type. BPF writes to it at any time, so single words are read with load().
template <typename Record>
class ArrayOf {
 public:
  static Result<ArrayOf> create(const char* name, std::uint32_t records) {
    auto array = MappedArray::create(name, sizeof(Record), records);
    if (!array) return tl::unexpected(array.error());
    ArrayOf result;
    result.array_ = std::move(*array);
    result.size_ = records;
    return result;
  }

  [[nodiscard]] int fd() const { return array_.fd(); }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return array_.bytes(); }
  Record& operator[](std::size_t index) const { return static_cast<Record*>(array_.data())[index]; }
  [[nodiscard]] std::span<Record> range(std::size_t first, std::size_t count) const { return {&(*this)[first], count}; }

 private:
  MappedArray array_;
  std::uint32_t size_ = 0;
};

// One word that BPF may be writing now.
template <typename Word>
Word load(const Word& word) {
  return __atomic_load_n(&word, __ATOMIC_RELAXED);
}

// How many records of each kind there is room for, and what the programs are prepared for.
struct Capacity {
  std::uint32_t possible_cpus = 1;
  std::uint32_t queues = 0;   // hardware queues of all disks
  std::uint32_t slots = 0;    // requests in flight on all disks
  std::uint32_t vectors = 0;  // interrupts of all disks
  // Whether completions may interrupt completions, see rq_complete2() in bpf/block.bpf.c. A disk that brings the first
  // such queues later does not change it: losses are then counted as stale_slot.
  bool several_queues = true;
};

struct Arrays {
  // Fails, as the first of all bpf() calls, when this process may not use BPF: the message says what is missing.
  static Result<Arrays> create(const Capacity& capacity);

  Capacity capacity;
  ArrayOf<vqs_control> control;
  ArrayOf<vqs_name> names;
  ArrayOf<vqs_disk> disks;
  ArrayOf<vqs_queue_ref> queue_refs;
  ArrayOf<vqs_found> found_queues;  // only the programs use it
  ArrayOf<vqs_slot> slots;
  ArrayOf<vqs_slot_end> slot_ends;  // as slots
  ArrayOf<vqs_queue> queues;
  ArrayOf<vqs_origin> origins;
  ArrayOf<vqs_irq> irqs;  // by interrupt number
  ArrayOf<vqs_vector> vectors;
  ArrayOf<vqs_vector_cpu> vector_cpus;
  ArrayOf<vqs_cpu> cpus;
  ArrayOf<vqs_lock_path> lock_paths;
  ArrayOf<vqs_lock> locks;
  ArrayOf<vqs_lock_set> lock_sets;
  ArrayOf<vqs_lock_waits> lock_waits;
  ArrayOf<__u64> lock_used;
  ArrayOf<vqs_waiting> waiting;  // only the programs use it
  ArrayOf<vqs_virtio_device> virtio_devices;
  ArrayOf<vqs_notify> notifies;
  ArrayOf<vqs_notify_set> notify_calls;  // only the programs use it

  [[nodiscard]] std::size_t bytes() const;
};

}  // namespace vqscope
