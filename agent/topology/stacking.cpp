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

// Of the disk or partition in `directory`.
void add_holders(TreeReader& reader, const fs::path& sysfs, const fs::path& directory, std::vector<Layer>& holders);

// And of its partitions.
void add_holders_of_disk(TreeReader& reader, const fs::path& sysfs, const fs::path& disk, const std::string& name,
                         std::vector<Layer>& holders) {
  add_holders(reader, sysfs, disk, holders);
  for (const std::string& partition : reader.names(disk))
    if (partition.starts_with(name)) add_holders(reader, sysfs, disk / partition, holders);
}

// With what lies on it.
void add_layer(TreeReader& reader, const fs::path& sysfs, const Layer& layer, std::vector<Layer>& holders) {
  const bool known = std::ranges::any_of(holders, [&](const Layer& other) { return other.device == layer.device; });
  if (known || holders.size() == kMostHolders) return;
  holders.push_back(layer);
  const std::string name = sysfs_name(layer.device);
  add_holders_of_disk(reader, sysfs, sysfs / "block" / name, name, holders);
}

void add_holders(TreeReader& reader, const fs::path& sysfs, const fs::path& directory, std::vector<Layer>& holders) {
  for (const std::string& holder : reader.names(directory / "holders"))
    add_layer(reader, sysfs, read_layer(reader, sysfs / "block" / holder), holders);
}

}  // namespace

Stacking read_stacking(TreeReader& reader, const fs::path& sysfs, const fs::path& disk) {
  Stacking stacking;
  const std::string self = disk.filename().string();
  for (const std::string& below : reader.names(disk / "slaves")) stacking.made_of.push_back(kernel_name(below));
  if (!stacking.made_of.empty() || self.starts_with("dm-")) stacking.layer = read_layer(reader, disk);
  add_holders_of_disk(reader, sysfs, disk, self, stacking.holders);
  if (const auto head = head_of_nvme_path(self))
    add_layer(reader, sysfs, {*head, "", std::string(kNvmeMultipath)}, stacking.holders);
  return stacking;
}

}  // namespace vqscope
