// SPDX-License-Identifier: Apache-2.0
// Guests from their files to a topology, and that as text, for tests of scan_topology().
#pragma once

#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "agent/topology/scan.h"
#include "tests/unit/guest.h"

namespace vqscope::test {

template <typename T>
inline std::string join(const std::vector<T>& values) {
  std::ostringstream out;
  for (const T& value : values) out << (&value == values.data() ? "" : ",") << value;
  return out.str();
}

inline std::string number(const std::optional<std::uint32_t>& value) { return value ? std::to_string(*value) : "-"; }

// Everything a topology holds but identities, as text; "-" is absent.
inline std::string render(const Topology& topology) {
  std::ostringstream out;
  out << "online=" << join(topology.online_cpus) << " possible=" << topology.possible_cpus << " vmm=" << topology.vmm
      << "\n";
  for (const Disk& disk : topology.disks) {
    out << disk.name << " driver=" << disk.driver << " transport=" << disk.transport << " bus=" << disk.bus_id
        << " scheduler=" << disk.scheduler << " nr_requests=" << number(disk.nr_requests);
    if (disk.virtio) out << " virtio" << disk.virtio->index << "+" << disk.virtio->first_request_queue;
    out << "\n";
    for (const HardwareQueue& queue : disk.queues)
      out << "  queue " << queue.index << " cpus=" << join(queue.cpus) << " tags=" << number(queue.tags) << "\n";
    for (const InterruptLine& line : disk.interrupts)
      out << "  irq " << line.irq << " queue=" << number(line.queue) << " " << line.action << "\n";
  }
  return out.str();
}

inline DeviceFilter filter(const std::string& include = "", const std::string& exclude = "") {
  auto result = DeviceFilter::create(include, exclude);
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

inline Result<Topology> scan(const Guest& guest, const DeviceFilter& devices = filter(),
                             std::string_view hypervisor = "KVMKVMKVM") {
  const Tree tree = guest.unpack();
  return scan_topology(tree.paths, devices, hypervisor);
}

inline std::string scanned(const Guest& guest, const DeviceFilter& devices = filter()) {
  const auto topology = scan(guest, devices);
  return topology ? render(*topology) : "error: " + topology.error().message;
}

// The lines of one disk's interrupts.
inline std::vector<InterruptLine> interrupts(const Guest& guest) {
  const auto topology = scan(guest);
  return topology && !topology->disks.empty() ? topology->disks.front().interrupts : std::vector<InterruptLine>{};
}

inline constexpr const char* kVda = "sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda";
inline constexpr const char* kNestedVda = "sys/devices/pci0000:00/0000:00:02.0/0000:01:00.0/virtio1/block/vda";

}  // namespace vqscope::test
