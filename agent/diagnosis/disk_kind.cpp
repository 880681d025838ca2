// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/disk_kind.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "agent/diagnosis/controller_ids.h"
#include "agent/topology/vmm.h"

namespace vqscope {

namespace {

// Drivers of the adapters that QEMU, VMware and VirtualBox emulate after hardware of the 1990s and 2000s, and of QEMU's
// UFS. No hypervisor emulates what mpt3sas drives.
constexpr std::string_view kEmulatedAdapters[] = {"sym53c8xx", "am53c974",     "esp",      "mptspi",
                                                  "mptsas",    "megaraid_sas", "BusLogic", "ufshcd"};
// Adapters without an address on PCI.
constexpr std::string_view kWithoutPci[] = {"storvsc_host", "ibmvscsi"};

bool is_virtio(const Disk& disk) {
  // vDPA devices belong to a driver or a program in this guest.
  return disk.transport.starts_with("virtio-") && disk.transport != "virtio-vdpa";
}

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "vg0-root (LVM)"
std::string title_of(const Layer& layer) {
  const std::string& name = layer.name.empty() ? layer.device : layer.name;
  return layer.kind.empty() ? name : fmt::format("{} ({})", name, layer.kind);
}

}  // namespace

bool is_hosts_disk(const Disk& disk) {
  if (disk.name.starts_with("sr") || disk.name.starts_with("fd")) return false;
  constexpr std::string_view kBuses[] = {"pci", "ata", "usb", "mmc", "xen"};
  if (is_virtio(disk) || is_one_of(kBuses, disk.transport)) return true;
  constexpr std::string_view kOfThisGuest[] = {"virtual", "virtio-vdpa"},
                             kOfANetwork[] = {"iscsi", "fc", "fcoe", "srp"};
  if (is_one_of(kOfThisGuest, disk.transport) || is_one_of(kOfANetwork, disk.transport) ||
      disk.transport.starts_with("nvme-"))
    return false;
  return !disk.bus_id.empty() || is_one_of(kWithoutPci, disk.driver);
}

bool is_passed_through(const Topology& topology, const Disk& disk) {
  if (!is_guest(topology) || disk.driver.empty() || disk.bus_id.empty()) return false;
  // These hypervisors make no NVMe drives.
  constexpr std::string_view kWithoutNvme[] = {"powervm", "zvm"};
  constexpr std::string_view kMadeForGuests[] = {"vmw_pvscsi", "storvsc_host"};
  if (disk.driver == "nvme")
    return disk.transport == "pci" && (is_drive_makers(disk) || is_one_of(kWithoutNvme, topology.vmm));
  if (disk.transport == "pci") return true;  // a drive of before NVMe, such as mtip32xx's
  if (disk.transport == "ata") return is_built(disk);
  return disk.transport == "scsi" && !disk.virtio && !is_emulated(topology, disk) &&
         !is_one_of(kMadeForGuests, disk.driver);
}

bool hypervisor_sets_queues(const Topology& topology, const Disk& disk) {
  return is_guest(topology) && is_hosts_disk(disk) && !is_passed_through(topology, disk) &&
         (is_virtio(disk) || (disk.driver == "nvme" && disk.transport == "pci") || disk.transport == "xen");
}

bool is_emulated(const Topology& topology, const Disk& disk) {
  if (!is_guest(topology) || !is_hosts_disk(disk)) return false;
  if (disk.transport == "ata") return !is_built(disk);
  if (disk.transport == "usb" || disk.transport == "mmc") return true;
  // None of the imitations has several queues: such an adapter is passed through.
  if (disk.queues.size() > 1) return false;
  // VMware's own adapter was made for guests; elsewhere it is an imitation.
  if (disk.driver == "vmw_pvscsi") return topology.vmm != "vmware";
  // POWER's own virtual adapter: PowerVM was made with it, QEMU imitates it.
  if (disk.driver == "ibmvscsi") return topology.vmm == "qemu" || topology.vmm == "kvm";
  return is_one_of(kEmulatedAdapters, disk.driver) && !is_built(disk);
}

bool is_zoned(const Disk& disk) {
  return std::any_of(disk.facts.settings.begin(), disk.facts.settings.end(),
                     [](const QueueSetting& setting) { return setting.name == "zoned" && setting.value != "none"; });
}

std::size_t interrupt_queues(const Disk& disk) {
  return static_cast<std::size_t>(std::count_if(disk.queues.begin(), disk.queues.end(), [](const HardwareQueue& queue) {
    return queue.type != QueueType::kPoll;
  }));
}

std::optional<std::size_t> needed_vectors(const Disk& disk) { return needed_vectors(disk, interrupt_queues(disk)); }

std::optional<std::size_t> needed_vectors(const Disk& disk, std::size_t queues) {
  if (disk.virtio) return queues + (disk.virtio->first_request_queue > 0 ? 3 : 1);
  if (disk.driver == "nvme") return queues + 1;
  return std::nullopt;
}

std::string about_paths(const Topology& topology, const Disk& disk) {
  const auto is_multipath = [](const Layer& layer) { return layer.kind == "mpath" || layer.kind == kNvmeMultipath; };
  const auto holder = std::find_if(disk.stacking.holders.begin(), disk.stacking.holders.end(), is_multipath);
  const bool is_holder = disk.stacking.layer && is_multipath(*disk.stacking.layer);
  if (!is_holder && holder == disk.stacking.holders.end()) return {};
  const Layer& whole = is_holder ? *disk.stacking.layer : *holder;
  std::vector<std::string_view> paths;
  for (const Disk& other : topology.disks)
    if (std::any_of(other.stacking.holders.begin(), other.stacking.holders.end(),
                    [&](const Layer& layer) { return is_multipath(layer) && layer.device == whole.device; }))
      paths.emplace_back(other.name);
  if (paths.empty() || (!is_holder && paths.size() < 2)) return {};
  return fmt::format("{} {} of one disk, {}: what is told of each of them, and of it, may be one thing.",
                     fmt::join(paths, ", "), paths.size() == 1 ? "is the path" : "are paths",
                     whole.name.empty() ? whole.device : fmt::format("{} ({})", whole.name, whole.device));
}

std::string about_layers(const Disk& disk) {
  constexpr std::size_t kMost = 8;
  const Stacking& stacking = disk.stacking;
  std::string text;
  if (stacking.layer)
    text = fmt::format("{} is {}{}: requests to it are counted there, too.", disk.name,
                       stacking.layer->name.empty() ? "made of other disks" : title_of(*stacking.layer),
                       stacking.made_of.empty() ? "" : fmt::format(" on {}", fmt::join(stacking.made_of, ", ")));
  if (stacking.holders.empty()) return text;
  std::vector<std::string> holders;
  for (const Layer& holder : stacking.holders) holders.push_back(title_of(holder));
  const std::size_t shown = std::min(holders.size(), kMost);
  return text + fmt::format("{}{} holds {}{}.", text.empty() ? "" : " ", disk.name,
                            fmt::join(holders.begin(), holders.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                            holders.size() > shown ? fmt::format(" and {} more", holders.size() - shown) : "");
}

}  // namespace vqscope
