// SPDX-License-Identifier: Apache-2.0
// What a disk is made of, and what is made of it: device-mapper (LVM, LUKS, multipath), md and others that the kernel
// links in slaves/ and holders/; and the disk of which an NVMe disk is a path, which only their names tell.
#pragma once

#include <filesystem>

#include "agent/topology/topology.h"
#include "agent/topology/tree_reader.h"

namespace vqscope {

// Of the disk with this directory below sysfs/block.
Stacking read_stacking(TreeReader& reader, const std::filesystem::path& sysfs, const std::filesystem::path& disk);

}  // namespace vqscope
