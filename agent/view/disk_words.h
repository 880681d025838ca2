// SPDX-License-Identifier: Apache-2.0
// How a disk was set up, in words. Pure and thread-safe.
#pragma once

#include <string>

#include "agent/topology/topology.h"

namespace vqscope {

// "2 online vCPUs", or CPUs where there is no hypervisor.
std::string online_cpus_of(const Topology& topology);

// How it was set up: "1 queue for 2 online vCPUs, 2 MSI-X vectors"
std::string setup_of(const Disk& disk, const Topology& topology);

}  // namespace vqscope
