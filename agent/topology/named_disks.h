// SPDX-License-Identifier: Apache-2.0
// Which disks a person means who types "vda", "/dev/vda1" or "/dev/disk/by-id/...". Reads only.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/topology/scan.h"

namespace vqscope {

struct NamedDisks {
  std::vector<std::string> disks;  // kernel disk names that blk-mq drives, or that are not there (yet); without doubles
  std::vector<std::string> notes;  // sentences: what was looked at instead of a partition or of a stack of disks
  std::vector<std::string> missing;  // sentences: what is not there, and what is
};

// `words` are kernel names, or paths of block devices or of links to them. A partition stands for its disk, and what
// has no requests of its own (LVM, dm-crypt, md) for the disks below it. Fails when a path leads to something else, or
// a device has no disk below it whose requests could be measured.
Result<NamedDisks> find_named_disks(const std::vector<std::string>& words, const SystemPaths& paths);

// The same for disks of another machine, of which nothing is known but their names: "/dev/" may stand before one.
Result<NamedDisks> take_named_disks(const std::vector<std::string>& words);

// "there is no disk 'vdz'; there are: vda, vdb"
std::string no_such_disk(const std::string& word, const std::vector<std::string>& there);

}  // namespace vqscope
