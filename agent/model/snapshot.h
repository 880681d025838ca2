// SPDX-License-Identifier: Apache-2.0
// One reading of everything that is counted: raw, cumulative, passive. What was not measured is absent.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/boxed.h"
#include "agent/model/histogram.h"
#include "agent/topology/activity.h"
#include "agent/topology/topology.h"
#include "bpf/records.h"

namespace vqscope {

// Requests of one operation on one hardware queue that have completed.
struct OpCounters {
  Histogram device;         // issue -> final completion (D2C)
  Histogram queue;          // start -> issue (Q2D); requests without a start time are not in it
  std::uint64_t bytes = 0;  // completed without error
  std::uint64_t errors = 0;

  friend bool operator==(const OpCounters&, const OpCounters&) = default;
};

// Completed requests that one CPU submitted.
struct OriginCounters {
  std::uint64_t local = 0, cross = 0, unknown = 0;  // did that CPU take the queue's interrupt?

  [[nodiscard]] std::uint64_t total() const { return local + cross + unknown; }

  friend bool operator==(const OriginCounters&, const OriginCounters&) = default;
};

// Time that completions were under way in the guest: from the entry of the handler of the interrupt that brought them,
// or from the issue if that was later. From above: the device may have been done only after the handler had begun.
struct CompletionDelay {
  std::uint64_t local_ns = 0, cross_ns = 0;  // of the requests that OriginCounters has as local and cross

  friend bool operator==(const CompletionDelay&, const CompletionDelay&) = default;
};

// One hardware queue, as the block probe sees it.
struct QueueCounters {
  std::array<Boxed<OpCounters>, VQS_OPS> ops;  // by enum vqs_op_kind; absent: never seen
  std::vector<OriginCounters> origins;         // by CPU number
  std::uint64_t requeues = 0;
  std::uint64_t inflight_ns = 0;           // time integral of in-flight
  std::uint64_t held_ns = 0;               // how much of it was not read, but kept from the reading before
  std::uint64_t raised_ns = 0;             // and how much once and for all, see keep_monotonic()
  std::uint64_t time_ns = 0;               // start -> completion of what the kernel's I/O accounting counts
  std::uint64_t device_ns = 0;             // issue -> completion of all completed requests
  std::uint64_t queue_ns = 0;              // start -> issue of all completed requests
  std::uint64_t bytes = 0;                 // what `ops` has, in a reading that is without them
  std::optional<CompletionDelay> delay;    // absent until a completion comes with an interrupt that is traced
  std::uint32_t inflight = 0;              // now
  std::optional<std::uint64_t> oldest_ns;  // age of the oldest request in flight; absent: there is none

  friend bool operator==(const QueueCounters&, const QueueCounters&) = default;
};

// Of all operations, in either kind of reading.
inline std::uint64_t bytes_of(const QueueCounters& queue) {
  std::uint64_t bytes = queue.bytes;
  for (const Boxed<OpCounters>& op : queue.ops) bytes += op ? op->bytes : 0;
  return bytes;
}

// One interrupt line of a disk.
struct VectorCounters {
  InterruptLine line;
  std::vector<std::uint64_t> per_cpu;  // by CPU number
  Boxed<Histogram> handler;            // absent without the irq probe

  friend bool operator==(const VectorCounters&, const VectorCounters&) = default;
};

// Time that one CPU spent on the disks' completions.
struct CompletionCpu {
  std::uint64_t hardirq_ns = 0;  // in the handlers of their interrupts
  std::uint64_t softirq_ns = 0;  // in the BLOCK softirq, without such handlers that interrupted it

  friend bool operator==(const CompletionCpu&, const CompletionCpu&) = default;
};

// Waits for one spin lock of a disk, by those who had to queue for it.
struct LockCounters {
  std::string lock;                    // of kLockNames
  std::optional<std::uint32_t> queue;  // hardware queue; nullopt: it serves all of the disk
  std::uint64_t waits = 0;             // that are over
  std::uint64_t wait_ns = 0;           // how long they took together
  // The longest of them. A vCPU that the host takes away while it waits makes one of some milliseconds, which says
  // nothing of the lock. Over a window it is absent unless it is longer than any before: a shorter one leaves no trace.
  std::optional<std::uint64_t> longest_ns;

  friend bool operator==(const LockCounters&, const LockCounters&) = default;
};

// What the kernel's own accounting says of a disk; the fallback where there is no block probe.
struct DeviceAccounting {
  std::uint64_t time_ns = 0;  // time in queue, completed requests only
  std::uint64_t inflight = 0;

  friend bool operator==(const DeviceAccounting&, const DeviceAccounting&) = default;
};

struct DeviceSnapshot {
  std::string name;
  std::uint64_t instance = 0;  // differs between two disks that bear the same name one after the other
  std::optional<std::vector<QueueCounters>> queues;  // by hardware queue; absent without the block probe
  std::optional<DeviceAccounting> accounting;        // absent with it
  std::vector<VectorCounters> vectors;
  std::vector<Boxed<Histogram>> notifies;  // by hardware queue; empty without the notify probe
  // Locks whose place is known; empty without the lock probe, and until the kernel has told of a wait for any lock.
  std::vector<LockCounters> locks;

  friend bool operator==(const DeviceSnapshot&, const DeviceSnapshot&) = default;
};

struct Snapshot {
  std::uint64_t time_ns = 0;                                    // CLOCK_MONOTONIC
  std::vector<DeviceSnapshot> devices;                          // in the order of Topology::disks
  std::optional<std::array<std::uint64_t, VQS_LOSSES>> losses;  // by enum vqs_loss; absent without BPF
  std::vector<CpuTime> cpu_times;                               // by CPU number; empty when it was not read
  std::vector<CompletionCpu> completion_cpus;                   // by CPU number; empty without the irq probe
  GuestActivity activity = {};

  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

}  // namespace vqscope
