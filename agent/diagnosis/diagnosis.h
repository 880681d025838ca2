// SPDX-License-Identifier: Apache-2.0
// From readings to findings: the window between two readings, judged disk by disk. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/diagnosis/course.h"
#include "agent/diagnosis/finding.h"
#include "agent/diagnosis/measured.h"
#include "agent/model/snapshot.h"

namespace vqscope {

struct DiskDiagnosis {
  Disk disk;
  Measured measured;
};

struct Diagnosis {
  double seconds = 0;                // length of the window
  std::vector<DiskDiagnosis> disks;  // those that were there at both ends of the window, by name
  std::vector<Finding> findings;     // by severity, the worst first; then in the table's order, then by device
};

// Both readings with histograms, and both condensed or none; `course` has seen the readings between them. Of a
// device that is in `later` only, or that was replaced, there is nothing. `platform`: that remedies were asked for.
Diagnosis diagnose(const Topology& topology, const Snapshot& earlier, const Snapshot& later, const Course& course,
                   std::optional<Platform> platform = std::nullopt);

// Adds up the histograms and counters of operations, and of notifications, over a device's queues, in the first one,
// and leaves out those of interrupt handlers: all that a later diagnosis needs of a reading that begins a window, at a
// fraction of its size.
void condense(Snapshot& snapshot);

}  // namespace vqscope
