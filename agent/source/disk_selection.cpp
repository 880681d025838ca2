// SPDX-License-Identifier: Apache-2.0
#include "agent/source/disk_selection.h"

#include <algorithm>

#include "agent/topology/named_disks.h"

namespace vqscope {

Result<DiskSelection> select_disks(const MeasureOptions& options, const AgentAddress& agent) {
  const bool remote = !agent.url.empty();
  if (!options.devices.empty()) {
    auto named = remote ? take_named_disks(options.devices) : find_named_disks(options.devices, options.paths);
    if (!named) return tl::unexpected(named.error());
    return DiskSelection{DeviceFilter::of_names(named->disks), std::move(named->disks), std::move(named->notes),
                         std::move(named->missing)};
  }
  const bool all = remote && options.device_include.empty() && options.device_exclude.empty();
  auto filter =
      all ? DeviceFilter::create("", "^$") : DeviceFilter::create(options.device_include, options.device_exclude);
  if (!filter) return tl::unexpected(filter.error());
  return DiskSelection{std::move(*filter), {}, {}, {}};
}

Result<void> check_named(const DiskSelection& selection, const Topology& topology) {
  std::vector<std::string> there;
  for (const Disk& disk : topology.disks) there.push_back(disk.name);
  for (const std::string& name : selection.names)
    if (std::find(there.begin(), there.end(), name) == there.end()) return fail(no_such_disk(name, there));
  return {};
}

}  // namespace vqscope
