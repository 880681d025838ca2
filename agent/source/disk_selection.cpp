// SPDX-License-Identifier: Apache-2.0
#include "agent/source/disk_selection.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "agent/topology/named_disks.h"

namespace vqscope {

DiskSelection all_disks() { return {DeviceFilter::of_all(), {}, {}, {}}; }

Result<DiskSelection> select_disks(const MeasureOptions& options, const AgentAddress& agent) {
  const bool remote = !agent.url.empty();
  // sysfs is looked at by whoever scans the topology; without procfs that would only know less.
  std::error_code error;
  if (!remote && !std::filesystem::exists(options.paths.procfs / "stat", error))
    return fail(options.paths.procfs.string() + " is no procfs (--path.procfs): there is no " +
                (options.paths.procfs / "stat").string());
  if (!options.devices.empty()) {
    auto named = remote ? take_named_disks(options.devices) : find_named_disks(options.devices, options.paths);
    if (!named) return tl::unexpected(named.error());
    return DiskSelection{DeviceFilter::of_names(named->disks), std::move(named->disks), std::move(named->notes),
                         std::move(named->missing)};
  }
  const bool all = remote && options.device_include.empty() && options.device_exclude.empty();
  if (all) return all_disks();
  auto filter = DeviceFilter::create(options.device_include, options.device_exclude);
  if (!filter) return tl::unexpected(filter.error());
  return DiskSelection{std::move(*filter), {}, {}, {}};
}

Result<void> find_named(DiskSelection& selection, const Topology& topology) {
  if (selection.names.empty()) return {};
  std::vector<std::string> there, found;
  for (const Disk& disk : topology.disks) there.push_back(disk.name);
  for (const std::string& name : selection.names) {
    if (std::ranges::find(there, name) != there.end()) {
      found.push_back(name);
      continue;
    }
    const auto is_named = [&](const Layer& layer) { return layer.device == name || layer.name == name; };
    const std::size_t before = found.size();
    for (const Disk& disk : topology.disks)
      if (std::ranges::any_of(disk.stacking.holders, is_named)) found.push_back(disk.name);
    if (found.size() == before) return fail(no_such_disk(name, there));
  }
  selection.filter = DeviceFilter::of_names(found);
  selection.names = std::move(found);
  return {};
}

void keep_selected(const DiskSelection& selection, Reading& reading) {
  const DeviceFilter& filter = selection.filter;
  std::erase_if(reading.topology.disks, [&](const Disk& disk) { return !filter.accepts(disk.name); });
  std::erase_if(reading.snapshot.devices, [&](const DeviceSnapshot& disk) { return !filter.accepts(disk.name); });
}

}  // namespace vqscope
