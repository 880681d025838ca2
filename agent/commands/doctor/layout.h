// SPDX-License-Identifier: Apache-2.0
// The picture of a disk. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "agent/diagnosis/diagnosis.h"

namespace vqscope {

// Who submits to which queue, and on which vCPU its interrupts land: one row for each queue, one column for each vCPU,
// in per cent of the disk's requests and interrupts. What does not fit into `width` is put together: quiet vCPUs under
// "others", quiet queues in a line below. The busiest submitter and the vCPU that takes most interrupts always have a
// column. `cpu`: what a CPU of the machine is called.
std::string picture(const DiskDiagnosis& disk, std::size_t width, std::string_view cpu = "vCPU");

}  // namespace vqscope
