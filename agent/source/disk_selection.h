// SPDX-License-Identifier: Apache-2.0
// The disks that a command line asks for.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/reading.h"
#include "agent/source/agent_client.h"
#include "agent/source/measure_options.h"
#include "agent/topology/device_filter.h"
#include "agent/topology/topology.h"

namespace vqscope {

struct DiskSelection {
  DeviceFilter filter;
  std::vector<std::string> names;    // of --device, as kernels have them; empty: patterns choose
  std::vector<std::string> notes;    // sentences: what stands for what was named, see NamedDisks
  std::vector<std::string> missing;  // sentences: what was named and is not there; of this machine only
};

// Every disk that readings are of.
DiskSelection all_disks();

// What a running agent measures (no URL: there is none) is its own choice, if nothing is asked for here.
Result<DiskSelection> select_disks(const MeasureOptions& options, const AgentAddress& agent);

// The same of a recording, of which this machine knows nothing.
Result<DiskSelection> select_recorded_disks(const MeasureOptions& options);

// Looks names up among the disks of a topology, which an agent elsewhere measures: what has no requests of its own
// stands for the disks below it. Fails when there is neither.
Result<void> find_named(DiskSelection& selection, const Topology& topology);

// Leaves out of a reading what was not asked for.
void keep_selected(const DiskSelection& selection, Reading& reading);

}  // namespace vqscope
