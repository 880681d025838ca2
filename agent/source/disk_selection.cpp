// SPDX-License-Identifier: Apache-2.0
#include "agent/source/disk_selection.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "agent/topology/named_disks.h"

namespace vqscope {

namespace {

// sysfs is looked at by whoever scans the topology. Without procfs, of which a saved guest may have only a part, that
// knows less, and says so.
Result<std::vector<std::string>> look_at_procfs(const std::filesystem::path& procfs) {
  std::error_code error;
  if (!std::filesystem::is_directory(procfs, error))
    return fail(procfs.string() + " (--path.procfs) is no directory that can be read");
  std::vector<std::string> notes;
  if (!std::filesystem::exists(procfs / "stat", error))
    notes.push_back(procfs.string() +
                    " (--path.procfs) has no stat, so it is no procfs, or a part of one: what vCPUs did, and what the "
                    "host took from them, is not known.");
  return notes;
}

}  // namespace

DiskSelection all_disks() { return {DeviceFilter::of_all(), {}, {}, {}}; }

namespace {

Result<DiskSelection> select(const MeasureOptions& options, bool remote) {
  std::vector<std::string> notes;
  if (!remote) {
    auto noted = look_at_procfs(options.paths.procfs);
    if (!noted) return tl::unexpected(noted.error());
    notes = std::move(*noted);
  }
  if (!options.devices.empty()) {
    auto named = remote ? take_named_disks(options.devices) : find_named_disks(options.devices, options.paths);
    if (!named) return tl::unexpected(named.error());
    notes.insert(notes.end(), named->notes.begin(), named->notes.end());
    return DiskSelection{DeviceFilter::of_names(named->disks), std::move(named->disks), std::move(notes),
                         std::move(named->missing)};
  }
  const bool all = remote && options.device_include.empty() && options.device_exclude.empty();
  if (all) return all_disks();
  auto filter = DeviceFilter::create(options.device_include, options.device_exclude);
  if (!filter) return tl::unexpected(filter.error());
  return DiskSelection{std::move(*filter), {}, std::move(notes), {}};
}

}  // namespace

Result<DiskSelection> select_disks(const MeasureOptions& options, const AgentAddress& agent) {
  return select(options, !agent.url.empty());
}

Result<DiskSelection> select_recorded_disks(const MeasureOptions& options) { return select(options, true); }

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
