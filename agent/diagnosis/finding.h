// SPDX-License-Identifier: Apache-2.0
// What can be wrong with a disk, or with the guest, and what was found. Everything here is pure and thread-safe.
// FINDINGS.md has a section for each id.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/diagnosis/measured.h"
#include "agent/diagnosis/platform.h"
#include "agent/topology/topology.h"

namespace vqscope {

enum class Severity { kInfo, kWarning, kCritical };

// "info", "warning", "critical"
std::string_view name_of(Severity severity);

// What to do about a finding; remedies.h turns it into instructions for a platform.
enum class Remedy {
  kNone,                     // nothing to mend
  kMoreQueues,               // the host: a queue for each vCPU
  kMoreVectors,              // the host: an interrupt vector for each queue
  kUseMsi,                   // the guest: message interrupts
  kStartAnew,                // the host: shut the guest down and start it
  kLiftGuestLimit,           // the guest: a module parameter
  kMoreQueuesAndLiftLimit,   // the host, then the guest: either alone brings no queue with an interrupt of its own
  kLiftLimitThenMoreQueues,  // the guest, which has queues with interrupts by that alone, then the host for more
  kMoreQueuesAndUseMsi,      // as kMoreQueuesAndLiftLimit; where there are queues enough, more vectors
  kSpreadInterrupts,         // the guest: affinity of the interrupts
  kMatchQueues,              // the guest: queue maps and rq_affinity
  kMoveSubmitter,            // the guest: the process, to the vCPU that is interrupted
  kDeepenQueue,              // the host: a larger ring
  kDeepenLun,                // the guest: more requests for a SCSI disk
  kMakeRoom,                 // the guest: smaller requests, then the host: a larger ring
  kFindHang,                 // both: who holds the request
  kFindErrors,               // both: who fails the request
  kHostIo,                   // the host: IOThread, aio, cache
  kFindLimit,                // both: a limit on the disk or the machine, or saturated storage
  kGuestQueueing,            // the guest: the elevator
  kHostCpu,                  // the host: fewer or pinned vCPUs
  kUseVirtio,                // the host: another bus
  kDropElevator,             // the guest
  kSpareElevatorLock,        // the guest: no elevator, or one with a lock for each queue
  kIndirectDescriptors,      // the host
};

// The evidence about a disk: who it is, and what it did during a window.
struct DiskEvidence {
  const Topology& topology;
  const Disk& disk;
  const Measured& measured;
  std::optional<Platform> platform = std::nullopt;  // that remedies were asked for; absent: as the guest tells
};

// The evidence about the guest: the time of its CPUs during a window, by CPU number.
struct GuestEvidence {
  const Topology& topology;
  const std::vector<CpuTime>& cpu_times;
};

// What a finding's function returns when it holds.
struct Found {
  Severity severity = Severity::kInfo;
  Remedy remedy = Remedy::kNone;
  std::vector<std::string> evidence;                    // sentences, with the numbers
  std::vector<std::pair<std::string, double>> numbers;  // the same for programs: snake_case, base units
};

// One row of the table. Exactly one of the functions is set.
struct FindingKind {
  std::string_view id;
  std::string_view title;        // one line
  std::string_view explanation;  // one paragraph: what it means and why it hurts
  // In how many windows in a row it must hold before the daemon reports it: 1 for what is over in a moment.
  unsigned raise_after = 2;
  std::optional<Found> (*of_disk)(const DiskEvidence&) = nullptr;
  std::optional<Found> (*of_guest)(const GuestEvidence&) = nullptr;
};

// All that can be found.
std::span<const FindingKind> finding_kinds();

struct Finding {
  const FindingKind* kind = nullptr;  // a row of finding_kinds()
  std::string device;                 // empty: the whole guest
  Found found;
};

std::vector<Finding> find_all(const DiskEvidence& evidence);
std::vector<Finding> find_all(const GuestEvidence& evidence);

}  // namespace vqscope
