// SPDX-License-Identifier: Apache-2.0
// Which interrupt lines of the machine are a disk's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/topology/device_path.h"
#include "agent/topology/scan.h"
#include "agent/topology/topology.h"
#include "agent/topology/tree_reader.h"

namespace vqscope {

// An interrupt line of the machine.
struct Line {
  std::uint32_t irq = 0;
  std::uint64_t hwirq = 0;  // grows with the MSI-X table index within one device
  std::vector<std::string> actions;
  std::optional<bool> is_message = {};  // MSI or MSI-X, and not a wire; absent: not known
  bool is_of_x86 = false;               // a wire of an interrupt controller that only such machines have
};

// All lines that somebody handles, by hwirq.
std::vector<Line> scan_lines(TreeReader& reader, const std::filesystem::path& sysfs);

// Whether PCI devices of this machine can have message interrupts: some device has, or could, or the device tree does
// not name a controller for them; nullopt: not known.
std::optional<bool> has_message_interrupts(TreeReader& reader, const SystemPaths& paths,
                                           const std::vector<Line>& lines);

// Fills Disk::interrupts, DiskFacts::uses_msi with what is known of all of them, and shares_admin_line, for a disk
// whose driver, transport and queues are known.
void find_interrupts(TreeReader& reader, const std::vector<Line>& lines, const DevicePath& path, Disk& disk);

}  // namespace vqscope
