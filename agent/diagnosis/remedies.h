// SPDX-License-Identifier: Apache-2.0
// What to do about a finding, exactly, on the user's own hypervisor. Pure and thread-safe.
#pragma once

#include <string>
#include <vector>

#include "agent/diagnosis/finding.h"
#include "agent/diagnosis/platform.h"

namespace vqscope {

struct Step {
  std::string where;    // who does it: "In this guest", "QEMU", "Proxmox VE", "libvirt 10.0 with QEMU 9.0"
  std::string text;     // one paragraph; may be empty when there is a snippet
  std::string snippet;  // lines to copy, without a newline at the end; may be empty
};

struct Instructions {
  std::string summary;  // one paragraph
  std::vector<Step> steps;
};

// For one disk; for what concerns the whole guest, `disk` is null. A platform that cannot do it says so.
Instructions instructions_for(Remedy remedy, const Disk* disk, const Topology& topology,
                              const std::vector<Platform>& platforms);

// The parts that a hypervisor's administrator carries out, by platform (host_remedies.cpp).
std::vector<Step> queues_step(Platform platform, const Disk& disk, unsigned queues);
std::vector<Step> depth_step(Platform platform, const Disk& disk, unsigned queues);
std::vector<Step> virtio_step(Platform platform, unsigned queues);
std::vector<Step> indirect_step(Platform platform);
std::vector<Step> vectors_step(Platform platform, const Disk& disk, unsigned queues);
std::vector<Step> hang_step(Platform platform);
std::vector<Step> cpu_step(Platform platform);

}  // namespace vqscope
