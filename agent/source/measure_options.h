// SPDX-License-Identifier: Apache-2.0
// What a command measures.
#pragma once

#include <string>
#include <vector>

#include "agent/topology/scan.h"

namespace vqscope {

// Of every command that takes readings.
struct MeasureOptions {
  std::vector<std::string> devices;            // names or paths of disks; empty: what the patterns say
  std::string device_include, device_exclude;  // with `devices`: empty
  std::vector<std::string> required_probes;
  SystemPaths paths;
};

}  // namespace vqscope
