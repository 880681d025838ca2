// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/stacking.h"

#include <algorithm>

#include "agent/topology/parse.h"

namespace vqscope {

namespace fs = std::filesystem;

namespace {

// Of thin pools with thousands of volumes nobody reads more.
constexpr std::size_t kMostHolders = 64;

// The uuid is "LVM-...", "CRYPT-LUKS2-...", "mpath-..." by convention of the tools.
Layer read_layer(TreeReader& reader, const fs::path& directory) {
  const std::string uuid = reader.trimmed(directory / "dm/uuid").value_or("");
  const auto dash = uuid.find('-');
  return {kernel_name(directory.filename().string()), reader.trimmed(directory / "dm/name").value_or(""),
          dash == std::string::npos ? reader.trimmed(directory / "md/level").value_or("") : uuid.substr(0, dash)};
}

void add_holders(TreeReader& reader, const fs::path& sysfs, const fs::path& directory, std::vector<Layer>& holders) {
  for (const std::string& holder : reader.names(directory / "holders")) {
    const bool known = std::any_of(holders.begin(), holders.end(),
                                   [&](const Layer& layer) { return layer.device == kernel_name(holder); });
    if (known || holders.size() == kMostHolders) continue;
    const fs::path above = sysfs / "block" / holder;
    holders.push_back(read_layer(reader, above));
    add_holders(reader, sysfs, above, holders);
  }
}

}  // namespace

Stacking read_stacking(TreeReader& reader, const fs::path& sysfs, const fs::path& disk) {
  Stacking stacking;
  const std::string self = disk.filename().string();
  for (const std::string& below : reader.names(disk / "slaves")) stacking.made_of.push_back(kernel_name(below));
  if (!stacking.made_of.empty() || self.starts_with("dm-")) stacking.layer = read_layer(reader, disk);
  add_holders(reader, sysfs, disk, stacking.holders);
  for (const std::string& name : reader.names(disk))
    if (name.starts_with(self)) add_holders(reader, sysfs, disk / name, stacking.holders);  // a partition
  return stacking;
}

}  // namespace vqscope
