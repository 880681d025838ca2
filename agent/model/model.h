// SPDX-License-Identifier: Apache-2.0
// What the exporters show: a snapshot joined with the topology, and gauges derived over a trailing window. Pure: the
// functions here touch neither files nor BPF, and are thread-safe.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/snapshot.h"
#include "agent/topology/topology.h"

namespace vqscope {

// A probe and whether it runs.
struct ProbeStatus {
  std::string name;
  bool up = false;
  std::string reason;                        // why not; empty when up
  std::optional<std::uint64_t> missed_runs;  // see Probe::missed_runs()

  friend bool operator==(const ProbeStatus&, const ProbeStatus&) = default;
};

// A diagnosis that holds now (agent/diagnosis).
struct ActiveFinding {
  std::string device;  // empty: the whole guest
  std::string finding, severity;

  friend bool operator==(const ActiveFinding&, const ActiveFinding&) = default;
};

struct DeviceModel {
  Disk disk;
  DeviceSnapshot counters;
  // Time in the interrupt handler by hardware queue, summed over lines; under nullopt what serves several queues.
  std::map<std::optional<std::uint32_t>, Histogram> handlers;
  // Over the window; absent when there is no earlier sample of this device.
  std::vector<std::optional<double>> avgqu_sz;  // by hardware queue: iostat's aqu-sz, plus requests that hang
  std::optional<double> accounted_avgqu_sz;     // of the device, from the kernel's accounting; without block probe
  // Over the window; absent when there was no interrupt, or no completed request.
  std::optional<double> irq_concentration;   // share of interrupts taken by the busiest CPU, 0 to 1
  std::optional<double> irq_effective_cpus;  // inverse Simpson index
  std::optional<double> submission_effective_cpus;
  std::optional<double> queue_cost;  // QueueCost::ratio()
};

struct Model {
  std::vector<std::uint32_t> online_cpus;
  std::string vmm;
  std::vector<DeviceModel> devices;
  std::vector<ProbeStatus> probes;
  std::optional<std::array<std::uint64_t, VQS_LOSSES>> losses;
  std::vector<CompletionCpu> completion_cpus;  // by CPU number; empty without the irq probe
  std::vector<ActiveFinding> findings;
};

// Share of the largest count, 0 to 1; nullopt when all are 0.
std::optional<double> concentration(std::span<const std::uint64_t> counts);

// Inverse Simpson index 1 / sum(p^2): over how many equal shares the counts are spread in effect, from 1 to their
// number (https://en.wikipedia.org/wiki/Diversity_index#Inverse_Simpson_index); nullopt when all are 0.
std::optional<double> effective_number(std::span<const std::uint64_t> counts);

// Requests of a queue between start and completion, on average over a window of `seconds`. What is at the device counts
// while it is there, even if it never completes; the time before issue, and what the kernel accounts beyond both
// (requests that wait for a flush), counts when it is over, as in iostat's aqu-sz.
double average_queue_size(const QueueCounters& window, double seconds);

// The integral of in-flight and the time in queue are put together from words that BPF writes while they are read,
// so a reading can be some microseconds short of the one before; so can lost events, which are a difference of such
// words. This keeps them from going backwards. Devices are the same when name and instance are.
//
// A request whose completion was missed is in flight until its tag is used again, and what it added to the integral is
// gone then. An integral that is short of an earlier reading again, a tenth of a second or more after it, is taken for
// one of these, and not of the first kind: it grows on from where it was, instead of standing until the sum has caught
// up.
void keep_monotonic(const Snapshot& previous, Snapshot& current);

// `earlier` begins the window; null, or taken less than 100 ms before, leaves the window's gauges absent. A device
// that is not in it (plugged since) has none either.
Model derive(const Topology& topology, Snapshot snapshot, const Snapshot* earlier, std::vector<ProbeStatus> probes);

}  // namespace vqscope
