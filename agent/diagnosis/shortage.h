// SPDX-License-Identifier: Apache-2.0
// Why a disk has fewer queues than the guest has vCPUs, and what lifts that. Pure and thread-safe.
#pragma once

#include "agent/diagnosis/finding.h"

namespace vqscope {

enum class Shortage {
  kNone,
  kGuestLimit,  // a setting of this guest
  kBothLimits,  // such a setting, and the host has prepared no more either
  kNoMsi,       // NVMe's driver takes one queue with one interrupt
  kHotplug,     // vCPUs that came after boot, of a disk that got a queue for each of the others
  kHost,
};

Shortage shortage(const DiskEvidence& evidence);

// Of both limits: without the guest's the disk has more queues, though not one for each vCPU.
bool guest_alone_helps(const DiskEvidence& evidence);

// Where more than one thing has to be changed, all of them: one alone would change nothing.
Remedy remedy_of(Shortage shortage, const DiskEvidence& evidence);

}  // namespace vqscope
