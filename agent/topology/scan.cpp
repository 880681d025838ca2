// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "agent/base/text.h"
#include "agent/topology/facts.h"
#include "agent/topology/tree_reader.h"
#include "agent/topology/vmm.h"

namespace vqscope {

namespace fs = std::filesystem;

namespace {

// Far beyond what Linux has: a queue per CPU, BLK_MQ_MAX_DEPTH (10,240) tags.
constexpr std::uint32_t kMaxQueues = 4096, kMaxTags = 65536;

// An interrupt line of the machine.
struct Line {
  std::uint32_t irq = 0;
  std::uint64_t hwirq = 0;  // grows with the MSI-X table index within one device
  std::vector<std::string> actions;
};

std::vector<Line> scan_lines(TreeReader& reader, const fs::path& sysfs) {
  std::vector<Line> lines;
  const fs::path irqs = sysfs / "kernel/irq";
  for (const std::string& name : reader.essential_names(irqs)) {
    const auto irq = parse_number<std::uint32_t>(name);
    const auto actions = reader.trimmed(irqs / name / "actions");
    if (!irq || !actions || actions->empty()) continue;
    lines.push_back(
        {*irq, reader.number<std::uint64_t>(irqs / name / "hwirq").value_or(*irq), parse_irq_actions(*actions)});
  }
  std::sort(lines.begin(), lines.end(),
            [](const Line& a, const Line& b) { return std::tie(a.hwirq, a.irq) < std::tie(b.hwirq, b.irq); });
  return lines;
}

// "virtio3" with prefix "virtio" -> 3.
std::optional<std::uint32_t> numbered(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return parse_number<std::uint32_t>(text.substr(prefix.size()));
}

bool is_pci_address(std::string_view text) {  // dddd:bb:dd.f
  return text.size() >= 12 && text[text.size() - 2] == '.' && text[text.size() - 5] == ':' &&
         text[text.size() - 8] == ':' && text.find_first_not_of("0123456789abcdef:.") == std::string_view::npos;
}

// What the path of a disk below sysfs' devices folder tells.
struct DevicePath {
  std::optional<std::uint32_t> virtio, nvme, scsi_host;
  fs::path pci;        // directory of the nearest PCI device; empty if there is none
  std::string bus_id;  // its address, or the name of the platform device that carries the virtio device
  bool is_virtual = false;
  std::string ata_port;  // "ata1"; empty if there is none
};

DevicePath analyse(const fs::path& sysfs, const fs::path& device) {
  DevicePath result;
  fs::path walked = sysfs;
  std::string parent;
  for (const fs::path& component : device.lexically_relative(sysfs)) {  // names above the root tell nothing
    const std::string name = component.string();
    walked /= component;
    if (is_pci_address(name)) {
      result.pci = walked;
      result.bus_id = name;
    } else if (const auto virtio = numbered(name, "virtio")) {
      result.virtio = virtio;
      result.bus_id = parent;
    } else if (const auto nvme = numbered(name, "nvme")) {
      result.nvme = nvme;
    } else if (const auto host = numbered(name, "host")) {
      result.scsi_host = host;
    } else if (numbered(name, "ata")) {
      result.ata_port = name;
    } else if (name == "virtual" && parent == "devices") {
      result.is_virtual = true;
    }
    parent = name;
  }
  return result;
}

// Name of the driver behind DIRECTORY/driver; empty if there is none.
std::string driver_of(const fs::path& directory) {
  std::error_code error;
  return fs::read_symlink(directory / "driver", error).filename().string();
}

std::string find_driver(TreeReader& reader, const fs::path& sysfs, const fs::path& disk, const DevicePath& path) {
  if (path.scsi_host) {
    const auto name =
        reader.trimmed(sysfs / "class/scsi_host" / ("host" + std::to_string(*path.scsi_host)) / "proc_name");
    if (name && !name->empty() && *name != "<NULL>" && *name != "(null)") return *name;
  }
  if (path.nvme) return "nvme";
  if (std::string driver = driver_of(disk / "device"); !driver.empty() && driver != "sd") return driver;
  return path.pci.empty() ? std::string() : driver_of(path.pci);
}

std::string find_transport(const DevicePath& path) {
  if (path.virtio) return is_pci_address(path.bus_id) ? "virtio-pci" : "virtio-mmio";
  if (path.nvme && !path.pci.empty()) return "pci";
  if (!path.ata_port.empty()) return "ata";
  if (path.scsi_host) return "scsi";
  return path.is_virtual ? "virtual" : "other";
}

std::vector<HardwareQueue> scan_queues(TreeReader& reader, const fs::path& disk) {
  std::vector<HardwareQueue> queues;
  for (const std::string& name : reader.essential_names(disk / "mq")) {
    const auto index = parse_number<std::uint32_t>(name);
    if (!index || *index >= kMaxQueues) continue;
    HardwareQueue queue{*index, {}, reader.number<std::uint32_t>(disk / "mq" / name / "nr_tags")};
    if (queue.tags.value_or(0) > kMaxTags) queue.tags.reset();
    if (const auto text = reader.trimmed(disk / "mq" / name / "cpu_list"))
      if (auto cpus = parse_cpu_list(*text)) queue.cpus = std::move(*cpus);
    queues.push_back(std::move(queue));
  }
  std::sort(queues.begin(), queues.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  return queues;
}

// The virtio transports name lines after the virtqueue (vp_request_msix_vectors(), vm_find_vqs() in Linux).
std::vector<InterruptLine> virtio_lines(const std::vector<Line>& lines, std::uint32_t index, bool one_queue) {
  const std::string self = "virtio" + std::to_string(index);
  std::vector<InterruptLine> found;
  std::uint32_t scsi_queue = 0;
  for (const Line& line : lines) {
    for (const std::string& action : line.actions) {
      std::optional<std::uint32_t> queue = one_queue ? std::optional(0U) : std::nullopt;
      if (const auto request = numbered(action, self + "-req."))
        queue = request;
      else if (action == self + "-request")
        queue = scsi_queue++;
      else if (action != self && action != self + "-virtqueues")
        continue;
      found.push_back({line.irq, queue, action});
    }
  }
  return found;
}

// nvmeXqY: q0 is the admin queue, Y = hardware context + 1 (nvme_init_hctx() in Linux).
std::vector<InterruptLine> nvme_lines(const std::vector<Line>& lines, std::uint32_t index) {
  std::vector<InterruptLine> found;
  for (const Line& line : lines)
    for (const std::string& action : line.actions)
      if (const auto q = numbered(action, "nvme" + std::to_string(index) + "q"); q && *q > 0)
        found.push_back({line.irq, *q - 1, action});
  return found;
}

// An IDE controller in compatibility mode has the ISA bus's interrupts: 14 for its first port, 15 for its second (PCI
// IDE Controller Specification 1.0). The class code's last byte has a bit for each port that is in native mode.
std::optional<std::uint32_t> compatibility_irq(TreeReader& reader, const fs::path& pci, const std::string& ata_port) {
  const std::string type = reader.trimmed(pci / "class").value_or("");  // 0x0101xx
  const auto port = reader.number<std::uint32_t>(pci / ata_port / "ata_port" / ata_port / "port_no");
  if (!type.starts_with("0x0101") || type.size() != 8 || !port || *port < 1 || *port > 2) return std::nullopt;
  const auto mode = static_cast<unsigned>(std::string_view("0123456789abcdef").find(type.back()));
  const unsigned native = *port == 1 ? 1 : 4;
  if (mode > 15 || (mode & native) != 0) return std::nullopt;
  return 13 + *port;
}

// Any other controller: the lines of its PCI device. Which queue a line serves is known only if there is one of each.
std::vector<InterruptLine> pci_lines(TreeReader& reader, const std::vector<Line>& lines, const DevicePath& path,
                                     const std::string& driver, bool one_queue) {
  const fs::path& pci = path.pci;
  std::set<std::uint32_t> irqs;
  for (const std::string& name : reader.names(pci / "msi_irqs"))
    if (const auto irq = parse_number<std::uint32_t>(name)) irqs.insert(*irq);
  if (irqs.empty())
    if (const auto irq = reader.number<std::uint32_t>(pci / "irq"); irq && *irq != 0) irqs.insert(*irq);
  if (!path.ata_port.empty())
    if (const auto irq = compatibility_irq(reader, pci, path.ata_port)) irqs = {*irq};
  std::vector<InterruptLine> found;
  for (const Line& line : lines) {
    if (!irqs.contains(line.irq)) continue;
    const auto own = std::find_if(line.actions.begin(), line.actions.end(), [&](const std::string& action) {
      return !driver.empty() && action.starts_with(driver);
    });
    if (own == line.actions.end() && line.actions.size() > 1) continue;  // a shared line: whose is not known
    found.push_back({line.irq, std::nullopt, own == line.actions.end() ? line.actions.front() : *own});
  }
  if (one_queue && found.size() == 1) found.front().queue = 0;
  return found;
}

std::optional<Disk> scan_disk(TreeReader& reader, const SystemPaths& paths, const std::string& name,
                              const std::vector<Line>& lines) {
  const auto found = reader.essential_path(paths.sysfs / "block" / name);
  if (!found) return std::nullopt;
  const fs::path& directory = *found;
  if (reader.essential_number<std::uint64_t>(directory / "size").value_or(0) == 0) return std::nullopt;
  Disk disk;
  disk.name = name;
  disk.queues = scan_queues(reader, directory);
  if (disk.queues.empty()) return std::nullopt;  // bio-based: its member disks have the requests
  struct stat status {};
  // sysfs gives every object its own inode number.
  if (::stat(directory.c_str(), &status) == 0) disk.identity = status.st_ino;
  disk.scheduler = parse_choice(reader.trimmed(directory / "queue/scheduler").value_or(""));
  disk.nr_requests = reader.number<std::uint32_t>(directory / "queue/nr_requests");
  if (disk.nr_requests.value_or(0) > kMaxTags) disk.nr_requests.reset();

  std::error_code error;
  const DevicePath path = analyse(fs::canonical(paths.sysfs, error), directory);
  const bool one_queue = disk.queues.size() == 1;
  disk.driver = find_driver(reader, paths.sysfs, directory, path);
  disk.transport = find_transport(path);
  disk.bus_id = path.bus_id;
  if (path.virtio) {
    // virtio-scsi (virtio 1.2, 5.6.2): control and event queue come before the request queues.
    disk.virtio = VirtioDevice{*path.virtio, path.scsi_host ? 2U : 0U};
    disk.interrupts = virtio_lines(lines, *path.virtio, one_queue);
  } else if (path.nvme) {
    disk.interrupts = nvme_lines(lines, *path.nvme);
  } else if (!path.pci.empty()) {
    disk.interrupts = pci_lines(reader, lines, path, disk.driver, one_queue);
  }
  return disk;
}

Result<std::vector<std::uint32_t>> read_cpus(const fs::path& file) {
  const auto text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  auto cpus = parse_cpu_list(*text);
  if (!cpus) return fail(file.string() + ": " + cpus.error().message);
  if (cpus->empty()) return fail(file.string() + " lists no CPU");
  return cpus;
}

}  // namespace

Result<Topology> scan_topology(const SystemPaths& paths, const DeviceFilter& filter, std::string_view hypervisor) {
  Topology topology;
  auto online = read_cpus(paths.sysfs / "devices/system/cpu/online");
  if (!online) return tl::unexpected(online.error());
  const auto possible = read_cpus(paths.sysfs / "devices/system/cpu/possible");
  if (!possible) return tl::unexpected(possible.error());
  topology.online_cpus = std::move(*online);
  topology.possible_cpus = *std::max_element(possible->begin(), possible->end()) + 1;

  const auto names = read_directory(paths.sysfs / "block");
  if (!names) return tl::unexpected(names.error());
  TreeReader reader;
  topology.vmm = detect_vmm(reader, paths.sysfs, hypervisor);
  const std::vector<Line> lines = scan_lines(reader, paths.sysfs);
  for (const std::string& name : *names)
    if (filter.accepts(name))
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
    const bool still =
        std::any_of(now.disks.begin(), now.disks.end(), [&disk](const Disk& other) { return other.name == disk.name; });
    // The kernel takes both links away before it tells that the disk is gone.
    if (!still && !is_there(paths.sysfs / "block" / disk.name) && is_there(paths.sysfs / "class/block" / disk.name))
      return fail((paths.sysfs / "block").string() + " does not list " + disk.name + ", which " +
                  (paths.sysfs / "class/block").string() + " does: is something mounted over it?");
  }
  return {};
}

Result<std::vector<std::uint64_t>> read_interrupt_counts(const SystemPaths& paths, std::uint32_t irq) {
  const auto text = read_file(paths.sysfs / "kernel/irq" / std::to_string(irq) / "per_cpu_count");
  if (!text) return tl::unexpected(text.error());
  return parse_per_cpu_count(*text);
}

Result<std::map<std::string, DiskStats>> read_diskstats(const SystemPaths& paths) {
  const auto text = read_file(paths.procfs / "diskstats");
  if (!text) return tl::unexpected(text.error());
  auto stats = parse_diskstats(*text);
  if (!stats) return fail((paths.procfs / "diskstats").string() + ": " + stats.error().message);
  return stats;
}

}  // namespace vqscope
