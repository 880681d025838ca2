// SPDX-License-Identifier: Apache-2.0
// Gives every disk, hardware queue and interrupt its place in the arrays, and publishes it to the BPF programs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/probes/arrays.h"
#include "agent/probes/extents.h"
#include "agent/topology/topology.h"

namespace vqscope {

// Where a disk stands in the arrays.
struct DiskPlace {
  std::uint64_t identity = 0;  // of the Disk
  std::uint64_t instance = 0;  // number of this appearance of the disk, never used again
  // Entries of Arrays::disks, oldest first: one, and another each time the disk outgrew its place. The counters of a
  // queue are the sum over all of them. Empty: there was no room.
  std::vector<std::uint32_t> entries;
  std::optional<std::uint32_t> virtio;  // N of virtioN, index in Arrays::virtio_devices
};

// Capacity for the disks of a topology and as many again, to be plugged later.
Capacity capacity_for(const Topology& topology);

// Not thread-safe.
class Layout {
 public:
  // The arrays must outlive the layout, and no other layout may use them.
  explicit Layout(const Arrays& arrays);
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;

  // Places new disks, gives those that grew a larger place, and forgets those that are gone. What was there before
  // keeps its place and its numbers. `now_ns` is CLOCK_MONOTONIC: a place that was given up is used again only a
  // second later, and when the kernel says that no BPF program can still be writing to it. False when an interrupt line
  // waits for that: it is not measured until apply() is called again then.
  bool apply(const Topology& topology, std::uint64_t now_ns);

  // Makes the CPU that took a queue's last interrupt the queue's owner (see vqs_queue); to be called every second or
  // so.
  void choose_owners(std::uint64_t now_ns);

  // By disk name.
  [[nodiscard]] const std::map<std::string, DiskPlace>& disks() const { return disks_; }

  // Index in Arrays::vectors of an interrupt line; nullopt: not traced, for want of room or because another disk's
  // handler on the same line is.
  [[nodiscard]] std::optional<std::uint32_t> vector_of(const InterruptLine& line) const;

  // Whether the line has served disks that are gone, and waits until nothing is being counted for them.
  [[nodiscard]] bool waits(const InterruptLine& line) const { return given_up_.contains(line.irq); }

 private:
  struct Vector {
    std::uint32_t index = 0;
    std::string action;
    std::set<std::uint64_t> disks;  // identities of those that it serves
  };
  struct Retired {
    std::uint64_t since_ns;
    std::function<void()> release;
  };

  [[nodiscard]] bool fits(const Disk& disk, const DiskPlace& place) const;
  void place(const Disk& disk, DiskPlace& place);
  void place_notifies(const Disk& disk, DiskPlace& place, std::uint64_t now_ns);
  void retire_notify(vqs_virtio_device& device, std::uint64_t now_ns);
  void retire_notifies(std::uint64_t now_ns);
  void retire(const DiskPlace& place, std::uint64_t now_ns);
  bool place_vectors(const Topology& topology, std::uint64_t now_ns);
  void link_queues_to_vectors(const Disk& disk, const DiskPlace& place);
  void publish_names();

  const Arrays& arrays_;
  Extents entries_, slots_, queues_, vectors_, notifies_;
  std::map<std::string, DiskPlace> disks_;
  std::map<std::uint32_t, Vector> vector_of_irq_;
  std::map<std::uint32_t, std::uint64_t> given_up_;  // since when, by interrupt
  std::vector<Retired> retired_;
  std::map<std::uint32_t, std::uint64_t> ownerless_since_;  // by index in Arrays::queues
  std::uint64_t instances_ = 0;
  std::uint32_t generation_ = 0;
};

}  // namespace vqscope
