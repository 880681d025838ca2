// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <system_error>

#include "agent/base/text.h"
#include "agent/topology/device_path.h"
#include "agent/topology/facts.h"
#include "agent/topology/interrupt_lines.h"
#include "agent/topology/stacking.h"
#include "agent/topology/tree_reader.h"
#include "agent/topology/vmm.h"

namespace vqscope {

namespace fs = std::filesystem;

namespace {

// Far beyond what Linux has: a queue per CPU, BLK_MQ_MAX_DEPTH (10,240) tags.
constexpr std::uint32_t kMaxQueues = 4096, kMaxTags = 65536;

std::vector<HardwareQueue> scan_queues(TreeReader& reader, const fs::path& disk) {
  std::vector<HardwareQueue> queues;
  for (const std::string& name : reader.essential_names(disk / "mq")) {
    const auto index = parse_number<std::uint32_t>(name);
    if (!index || *index >= kMaxQueues) continue;
    HardwareQueue queue{*index, {}, reader.number<std::uint32_t>(disk / "mq" / name / "nr_tags")};
    if (queue.tags.value_or(0) > kMaxTags) queue.tags.reset();
    if (const auto text = reader.text(disk / "mq" / name / "cpu_list"))
      if (auto cpus = parse_queue_cpus(*text)) queue.cpus = std::move(*cpus);
    queues.push_back(std::move(queue));
  }
  std::sort(queues.begin(), queues.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  return queues;
}

std::optional<Disk> scan_disk(TreeReader& reader, const SystemPaths& paths, const std::string& name,
                              const std::vector<Line>& lines) {
  const auto found = reader.essential_path(paths.sysfs / "block" / name);
  if (!found) return std::nullopt;
  const fs::path& directory = *found;
  if (reader.essential_number<std::uint64_t>(directory / "size").value_or(0) == 0) return std::nullopt;
  Disk disk;
  disk.name = kernel_name(name);
  disk.queues = scan_queues(reader, directory);
  if (disk.queues.empty()) return std::nullopt;  // bio-based: its member disks have the requests
  struct stat status {};
  // sysfs gives every object its own inode number.
  if (::stat(directory.c_str(), &status) == 0) disk.identity = status.st_ino;
  disk.scheduler = parse_choice(reader.trimmed(directory / "queue/scheduler").value_or(""));
  disk.nr_requests = reader.number<std::uint32_t>(directory / "queue/nr_requests");
  if (disk.nr_requests.value_or(0) > kMaxTags) disk.nr_requests.reset();

  std::error_code error;
  const fs::path sysfs = fs::canonical(paths.sysfs, error);
  const DevicePath path = analyse(sysfs, directory);
  disk.driver = find_driver(reader, paths.sysfs, directory, path);
  disk.transport = find_transport(reader, sysfs, directory, path);
  disk.bus_id = path.bus_id;
  // virtio-scsi (virtio 1.2, 5.6.2): control and event queue come before the request queues.
  if (path.virtio) disk.virtio = VirtioDevice{*path.virtio, path.scsi_host ? 2U : 0U};
  find_interrupts(reader, lines, path, disk);
  disk.stacking = read_stacking(reader, paths.sysfs, directory);
  return disk;
}

Result<std::vector<std::uint32_t>> read_cpus(const fs::path& file) {
  const auto text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  if (is_cut(*text)) return fail(file.string() + " is longer than sysfs shows");
  auto cpus = parse_cpu_list(*text);
  if (!cpus) return fail(file.string() + ": " + cpus.error().message);
  if (cpus->empty()) return fail(file.string() + " lists no CPU");
  return cpus;
}

}  // namespace

Result<Topology> scan_topology(const SystemPaths& paths, const DeviceFilter& filter,
                               std::optional<std::string_view> hypervisor) {
  Topology topology;
  auto online = read_cpus(paths.sysfs / "devices/system/cpu/online");
  if (!online) return tl::unexpected(online.error());
  auto possible = read_cpus(paths.sysfs / "devices/system/cpu/possible");
  if (!possible) return tl::unexpected(possible.error());
  topology.online_cpus = std::move(*online);
  topology.possible_cpus = *std::max_element(possible->begin(), possible->end()) + 1;
  topology.possible_list = std::move(*possible);

  const auto names = read_directory(paths.sysfs / "block");
  if (!names) return tl::unexpected(names.error());
  TreeReader reader;
  Hypervisor found = detect_hypervisor(reader, paths, hypervisor);
  topology.vmm = std::move(found.product);
  topology.guest.hypervisor = found.there;
  const std::vector<Line> lines = scan_lines(reader, paths.sysfs);
  topology.guest.has_msi = has_message_interrupts(reader, paths, lines);
  for (const std::string& name : *names)
    if (filter.accepts(kernel_name(name)))
      if (auto disk = scan_disk(reader, paths, name, lines)) topology.disks.push_back(std::move(*disk));
  read_facts(reader, paths, topology);
  // Whatever could not be read is there, and would look as if it were not.
  if (reader.failure()) return tl::unexpected(*reader.failure());
  return topology;
}

Result<void> check_none_hidden(const SystemPaths& paths, const Topology& before, const Topology& now) {
  const auto is_there = [](const fs::path& path) {
    std::error_code error;
    return fs::exists(fs::symlink_status(path, error));
  };
  for (const Disk& disk : before.disks) {
    const std::string name = sysfs_name(disk.name);
    const bool still =
        std::any_of(now.disks.begin(), now.disks.end(), [&disk](const Disk& other) { return other.name == disk.name; });
    // The kernel takes both links away before it tells that the disk is gone.
    if (!still && !is_there(paths.sysfs / "block" / name) && is_there(paths.sysfs / "class/block" / name))
      return fail((paths.sysfs / "block").string() + " does not list " + disk.name + ", which " +
                  (paths.sysfs / "class/block").string() + " does: is something mounted over it?");
  }
  return {};
}

Result<std::vector<std::uint64_t>> read_interrupt_counts(const SystemPaths& paths, std::uint32_t irq,
                                                         const std::vector<std::uint32_t>& possible) {
  const auto text = read_file(paths.sysfs / "kernel/irq" / std::to_string(irq) / "per_cpu_count");
  if (!text) return tl::unexpected(text.error());
  return parse_per_cpu_count(*text, possible);
}

Result<std::map<std::string, DiskStats>> read_diskstats(const SystemPaths& paths) {
  const auto text = read_file(paths.procfs / "diskstats");
  if (!text) return tl::unexpected(text.error());
  auto stats = parse_diskstats(*text);
  if (!stats) return fail((paths.procfs / "diskstats").string() + ": " + stats.error().message);
  return stats;
}

}  // namespace vqscope
