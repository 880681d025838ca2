// SPDX-License-Identifier: Apache-2.0
// A step of the live page's history as JSON; README.md has its keys. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "agent/model/snapshot.h"
#include "agent/topology/topology.h"

namespace vqscope {

// What is kept of a step, from most to least.
enum class Grain {
  kAll,
  kQueuesWithoutLatency,  // of each queue no latency and no bytes; the snapshots may be condensed
  kDisks,                 // no queues
  kDisksWithoutCpus,      // nor vCPUs
};

struct HistoryStep {
  const Topology& topology;
  const Snapshot& earlier;  // with histograms, as `later`
  const Snapshot& later;
  std::uint64_t realtime_ns = 0;  // of `later`, since 1970
};

// One JSON object. `most_disks`: of more, those with the most requests are in it.
std::string step_json(const HistoryStep& step, Grain grain, std::size_t most_disks);

std::size_t queues_of(const Topology& topology);

// How long a step is, so that reading the histograms of all queues stays cheap: 1 up to 256 queues, and 16 at the most.
std::uint64_t step_seconds(const Topology& topology);

}  // namespace vqscope
