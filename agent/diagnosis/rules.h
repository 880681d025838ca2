// SPDX-License-Identifier: Apache-2.0
// The functions behind the table in finding.cpp, and what they share. Which of them may hold together:
// a disk behind an emulated bus has no findings about its queues (it cannot have more); of the reasons why there are
// fewer queues than vCPUs one is named; what follows from few queues or vectors (interrupts on one vCPU, completions on
// others) is not told a second time; latency inside the guest is not told when the queue is full or the driver pushes
// requests back, which cause it and tell it; nor is a slow host when the queue is full; an elevator on a fast disk is
// not told when the waits for its lock are, and are as severe. Where the disk's rate is at a limit, neither a slow
// device nor a full queue is told.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/finding.h"
#include "agent/topology/vmm.h"

namespace vqscope {

// Queues (queue_rules.cpp).
std::optional<Found> single_queue(const DiskEvidence& evidence);
std::optional<Found> fewer_queues_than_vcpus(const DiskEvidence& evidence);
std::optional<Found> hotplugged_vcpus(const DiskEvidence& evidence);
std::optional<Found> guest_limits_queues(const DiskEvidence& evidence);

// Which vCPUs submit and are interrupted (interrupt_rules.cpp).
std::optional<Found> irq_concentrated(const DiskEvidence& evidence);
std::optional<Found> workload_on_one_vcpu(const DiskEvidence& evidence);
std::optional<Found> cross_cpu_completions(const DiskEvidence& evidence);
std::optional<Found> submitter_off_interrupt_vcpu(const DiskEvidence& evidence);

// Interrupt vectors (vector_rules.cpp).
std::optional<Found> shared_vector(const DiskEvidence& evidence);

// Locks (lock_rules.cpp).
std::optional<Found> elevator_lock(const DiskEvidence& evidence);

// Requests (request_rules.cpp).
std::optional<Found> queue_full(const DiskEvidence& evidence);
std::optional<Found> stuck_request(const DiskEvidence& evidence);
std::optional<Found> io_errors(const DiskEvidence& evidence);
std::optional<Found> requeues(const DiskEvidence& evidence);
std::optional<Found> host_latency(const DiskEvidence& evidence);
std::optional<Found> slow_at_device(const DiskEvidence& evidence);
std::optional<Found> guest_latency(const DiskEvidence& evidence);

// Rates that stay (limit_rules.cpp).
std::optional<Found> storage_limit(const DiskEvidence& evidence);

// How the disk and the guest were set up (setup_rules.cpp).
std::optional<Found> steal(const GuestEvidence& evidence);
std::optional<Found> emulated_bus(const DiskEvidence& evidence);
std::optional<Found> elevator_on_fast_disk(const DiskEvidence& evidence);
std::optional<Found> indirect_descriptors_off(const DiskEvidence& evidence);

// disk_kind.h
// Of a guest, so that there is a hypervisor that may be the cause.
inline bool is_hosts_disk(const DiskEvidence& evidence) {
  return is_guest(evidence.topology) && is_hosts_disk(evidence.disk);
}
inline bool is_emulated(const DiskEvidence& evidence) { return is_emulated(evidence.topology, evidence.disk); }
inline std::size_t interrupt_queues(const DiskEvidence& evidence) { return interrupt_queues(evidence.disk); }

// Sentences and numbers about the disk's load that several findings have.
std::string queues_and_cpus(const DiskEvidence& evidence);
std::string submitters(const Measured& measured);
std::string interrupts(const Measured& measured);
std::string crossing(const Measured& measured);  // its cross_share is known
std::vector<std::pair<std::string, double>> queue_numbers(const DiskEvidence& evidence);
// Requests come often enough for their way through queues and vCPUs to matter, and from several vCPUs.
bool is_busy(const DiskEvidence& evidence);
bool from_several_cpus(const DiskEvidence& evidence);
double online_cpus(const DiskEvidence& evidence);

}  // namespace vqscope
