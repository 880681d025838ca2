// SPDX-License-Identifier: Apache-2.0
// Which requests a disk's hardware queues take. sysfs does not say, but each type's queues cover all CPUs once, in the
// order default, read, poll (blk_mq_map_queues() in Linux), and polled queues have no interrupt. Pure.
#pragma once

#include "agent/topology/topology.h"

namespace vqscope {

// Fills HardwareQueue::type of a disk whose interrupts are known; `limits` decide only where the lines do not tell.
// Where nothing is certain the types stay absent.
void find_queue_types(const GuestLimits& limits, Disk& disk);

}  // namespace vqscope
