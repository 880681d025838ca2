// SPDX-License-Identifier: Apache-2.0
// Module parameters of this guest that keep queues from requests: as they are now, and, where they were changed since,
// as the disk's queues show that they were when its driver started. Pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/diagnosis/finding.h"

namespace vqscope {

// A parameter keeps queues from the disk, has some of them polled or keeps some for reads.
bool is_limited_by_guest(const DiskEvidence& evidence);

// A parameter is why the disk has so many queues and no more.
bool is_at_parameter(const DiskEvidence& evidence);

// Xen's driver has as many queues as it takes unless it is told otherwise: what the host offers does not show.
bool may_be_xens_default(const DiskEvidence& evidence);

// How many queues an NVMe drive's requests have at the least once no parameter shares them out: the driver does with
// the vectors that there are. nullopt: of other drivers, or where the table was not read.
std::optional<std::size_t> queues_without_parameters(const Topology& topology, const Disk& disk);

// A module parameter that keeps queues from the judged requests.
struct Parameter {
  std::string sentence;
  std::string name;  // of its number
  double value = 0;
};

std::vector<Parameter> limiting_parameters(const DiskEvidence& evidence);

}  // namespace vqscope
