// SPDX-License-Identifier: Apache-2.0
// Reads the arrays, and where a probe is missing procfs and sysfs, into a Snapshot.
#pragma once

#include "agent/model/snapshot.h"
#include "agent/probes/layout.h"
#include "agent/topology/scan.h"

namespace vqscope {

// Which probes run.
struct ProbesUp {
  bool block = false, irq = false, notify = false, lock = false;
};

enum class Detail {
  kCounters,    // without histograms: enough for gauges over a window
  kHistograms,  // everything
};

// `arrays` and `layout` are null without BPF; otherwise the layout is that of the same topology. Makes no bpf() call.
// Each counter is read once and whole; counters of the same queue may be some requests apart.
Snapshot read_snapshot(const SystemPaths& paths, const Topology& topology, const Arrays* arrays, const Layout* layout,
                       ProbesUp up, Detail detail);

}  // namespace vqscope
