// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/finding.h"

#include <array>

#include "agent/diagnosis/rules.h"

namespace vqscope {

namespace {

constexpr auto kKinds = std::to_array<FindingKind>({
    {"stuck_request", "A request hangs at the device",
     "A request was handed to the device and no answer has come for seconds. Whoever waits for it hangs with it: a "
     "database that fsyncs, a file system that journals. iostat shows an idle disk meanwhile, because it counts "
     "completed requests only.",
     1, &stuck_request},
    {"io_errors", "Requests fail",
     "The device, or the storage behind it, answered requests with an error. File systems turn read-only on failed "
     "writes of their journal, and databases may lose what they believed to be written. (A discard that fails does no "
     "such harm.)",
     1, &io_errors},
    {"single_queue", "All requests squeeze through one queue and interrupt one vCPU",
     "Several vCPUs submit to the disk's single queue, and one vCPU takes the interrupts for all of them. What that "
     "costs in this guest is told above as far as it is measured; what it costs where the queue is served shows in a "
     "measurement with more queues only. More vCPUs add no queue.",
     2, &single_queue},
    {"guest_limits_queues", "A setting of this guest keeps queues from requests",
     "A module parameter in this guest lets the driver take so many queues and no more, has some polled, or keeps some "
     "for "
     "reads and the others for all other requests. Whether the host has a limit as well is told above, as far as it "
     "could be read.",
     2, &guest_limits_queues},
    {"hotplugged_vcpus", "vCPUs were added after boot, queues were not",
     "The disk got its queues when the machine was started, one for each vCPU of that moment. vCPUs that were "
     "plugged in later share the queues of others.",
     2, &hotplugged_vcpus},
    {"fewer_queues_than_vcpus", "The disk has fewer queues than there are vCPUs",
     "Several vCPUs share a queue and the vCPU that is interrupted for it. It can matter when more of them do I/O at "
     "the same time than there are queues.",
     2, &fewer_queues_than_vcpus},
    {"shared_vector", "Several queues share one interrupt",
     "The disk has several queues, but no interrupt vector for each, so the driver uses one line for all. Each "
     "interrupt makes one vCPU look into every queue. The evidence says why, as far as that could be told.",
     2, &shared_vector},
    {"irq_concentrated", "Interrupts of several queues all land on one vCPU",
     "The queues have an interrupt line each, and still one vCPU takes nearly all of their interrupts, for the "
     "requests "
     "of all vCPUs.",
     2, &irq_concentrated},
    {"cross_cpu_completions", "Requests end on another vCPU than the one that submitted them",
     "There is a queue for each vCPU, or for some of them, but vCPUs are interrupted that the queue does not serve. "
     "The "
     "kernel hands most of these requests to the vCPU that submitted, by an interrupt between vCPUs, which in a guest "
     "can cost an exit to the host.",
     2, &cross_cpu_completions},
    {"workload_on_one_vcpu", "Only one vCPU submits requests",
     "Nearly all requests come from one vCPU, so one queue is all that can be used, however many there are. That is "
     "the nature of the workload (one thread, or threads that are pinned) and no fault.",
     2, &workload_on_one_vcpu},
    {"submitter_off_interrupt_vcpu", "The one vCPU that submits is not the one that is interrupted",
     "Nearly all requests come from one vCPU, and another takes their interrupts, so that each completion crosses from "
     "one to the other. This guest can change it: run the process on the vCPU that is interrupted. That vCPU then does "
     "both kinds of work, so it can also be slower, where it has no time left; try it and measure.",
     2, &submitter_off_interrupt_vcpu},
    {"queue_full", "The queue is at its limit of requests",
     "The queue holds as many requests as it can, and further ones wait in the kernel. If the device's latency rises "
     "with it, the storage is saturated and a longer queue only makes requests wait elsewhere; if it does not, the "
     "queue is too short.",
     2, &queue_full},
    {"requeues", "The driver pushes requests back",
     "The driver could not take requests, as a rule because the ring of a virtio disk, or the adapter, had no room for "
     "them, so that they wait in the kernel, which tries again. If what answers them does all it can meanwhile, more "
     "room only makes them wait there.",
     2, &requeues},
    {"host_latency", "The device answers unevenly",
     "Most requests are answered quickly, and a few take very much longer, while they are at the device. Who serves "
     "it, "
     "and which reasons that can have, is told above; this guest sees only the latency.",
     2, &host_latency},
    {"storage_limit", "The disk's rate stays where it is while requests are at it",
     "Requests are at the disk all the time, and it goes on answering as many, or moving as many bytes, a second. If "
     "more in flight bring no more, that is a limit that somebody has set on the disk or the machine, or storage, or "
     "what serves the queues, that has no more to give. The evidence says whether that was seen, and how far the "
     "reasons could be told apart.",
     6, &storage_limit},
    {"slow_at_device", "Requests take long at the device, most of them equally long",
     "Many requests are in flight at the device at any time, and nearly all stay there for long. That can be a limit "
     "of "
     "requests or bytes per second on the disk or the machine, or storage that has no more to give. Neither limits nor "
     "the storage can be seen from here, only that the time passes there.",
     6, &slow_at_device},
    {"guest_latency", "Requests wait inside this kernel",
     "Requests spend most of their time between their start and the driver. (What holds back before they start does "
     "not "
     "show in it: writeback throttling and limits of control groups such as io.max.)",
     2, &guest_latency},
    {"emulated_bus", "The disk sits on an emulated bus",
     "In a guest, SATA, IDE and old SCSI adapters are imitations of real hardware, as a rule, with one queue and "
     "several exits to the host for each request. Disks that were made for guests have none of this. A controller or a "
     "drive that is passed through looks the same: then there is nothing to mend.",
     2, &emulated_bus},
    {"elevator_lock", "CPUs wait for the elevator's one lock",
     "The elevator keeps all requests of the disk in one place, behind one lock, however many queues the disk has. "
     "CPUs "
     "that need it at the same time spin until it is free, and do nothing else meanwhile.",
     2, &elevator_lock},
    {"elevator_on_fast_disk", "An elevator sorts the requests of a fast disk",
     "Sorting requests pays on disks that turn, and this one answers faster than those can. It takes CPU time, "
     "how much was not measured; what lies below sorts again if its disks need it.",
     2, &elevator_on_fast_disk},
    {"indirect_descriptors_off", "The virtio ring works without indirect descriptors",
     "Without indirect descriptors a request takes one entry of the ring for each piece of memory, so that the ring "
     "holds fewer requests; the driver halves the queue's depth in advance.",
     2, &indirect_descriptors_off},
    {"steal", "The host does not run the vCPUs",
     "vCPUs were ready to run and the host ran something else on their CPUs. An interrupt for a vCPU that is not "
     "running waits until it is: this looks like a slow disk.",
     2, nullptr, &steal},
});

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::kInfo: return "info";
    case Severity::kWarning: return "warning";
    case Severity::kCritical: break;
  }
  return "critical";
}

std::span<const FindingKind> finding_kinds() { return kKinds; }

std::vector<Finding> find_all(const DiskEvidence& evidence) {
  std::vector<Finding> findings;
  const std::string paths = about_paths(evidence.topology, evidence.disk);
  for (const FindingKind& kind : kKinds)
    if (kind.of_disk != nullptr)
      if (auto found = kind.of_disk(evidence)) {
        if (!paths.empty()) found->evidence.push_back(paths);
        findings.push_back({&kind, evidence.disk.name, std::move(*found)});
      }
  return findings;
}

std::vector<Finding> find_all(const GuestEvidence& evidence) {
  std::vector<Finding> findings;
  for (const FindingKind& kind : kKinds)
    if (kind.of_guest != nullptr)
      if (auto found = kind.of_guest(evidence)) findings.push_back({&kind, "", std::move(*found)});
  return findings;
}

}  // namespace vqscope
