// SPDX-License-Identifier: Apache-2.0
// All that the agent knows at one moment, before anything is derived from it: passive.
#pragma once

#include <vector>

#include "agent/model/model.h"
#include "agent/model/snapshot.h"
#include "agent/topology/topology.h"

namespace vqscope {

struct Reading {
  Topology topology;
  std::vector<ProbeStatus> probes;
  Snapshot snapshot;  // with histograms
};

}  // namespace vqscope
