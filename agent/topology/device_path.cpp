// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/device_path.h"

#include <algorithm>
#include <system_error>

namespace vqscope {

namespace fs = std::filesystem;

namespace {

bool is_pci_address(std::string_view text) {  // dddd:bb:dd.f
  return text.size() >= 12 && text[text.size() - 2] == '.' && text[text.size() - 5] == ':' &&
         text[text.size() - 8] == ':' && text.find_first_not_of("0123456789abcdef:.") == std::string_view::npos;
}

// Last part of the target of a link such as "driver" or "subsystem"; empty if there is none.
std::string linked(const fs::path& link) {
  std::error_code error;
  return fs::read_symlink(link, error).filename().string();
}

// A virtio device on vDPA is below the vDPA device, as those in user space (VDUSE) are, or below the device that does
// its DMA, such as a PCI device, where the vDPA device is, too.
bool is_vdpa(TreeReader& reader, const fs::path& sysfs, const fs::path& parent) {
  const fs::path devices = sysfs / "bus/vdpa/devices";
  const auto names = reader.names(devices);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    std::error_code error;
    const fs::path device = fs::canonical(devices / name, error);
    return !error && std::mismatch(parent.begin(), parent.end(), device.begin(), device.end()).first == parent.end();
  });
}

// Of the device tree, of the kernel command line, of ACPI.
bool is_mmio_name(const std::string& name) {
  return name.find("virtio_mmio") != std::string::npos || name.starts_with("virtio-mmio") ||
         name.starts_with("LNRO0005");
}

// What a tree without the links of sysfs still tells.
std::string bus_by_name(const DevicePath& path) {
  const std::string parent = path.virtio_parent.filename().string();
  if (is_pci_address(parent)) return "pci";
  if (numbered(parent, "vdpa") || path.is_vduse) return "vdpa";
  if (path.root.starts_with("css")) return "ccw";
  return is_mmio_name(parent) || path.root == "platform" ? "platform" : "";
}

// The same of a disk that is neither virtio nor of a protocol of its own.
std::string bus_without_links(const DevicePath& path) {
  if (path.root.starts_with("css")) return "ccw";
  if (!path.pci.empty()) return "pci";
  const bool is_name = std::all_of(path.root.begin(), path.root.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return is_name && !path.root.empty() ? path.root : "other";
}

std::string virtio_transport(TreeReader& reader, const fs::path& sysfs, const DevicePath& path) {
  std::string bus = linked(path.virtio_parent / "subsystem");
  if (bus.empty()) bus = bus_by_name(path);
  if (bus == "vdpa" || is_vdpa(reader, sysfs, path.virtio_parent)) return "virtio-vdpa";
  if (bus.empty()) return "virtio-other";
  if (bus != "platform") return "virtio-" + bus;
  const std::string driver = linked(path.virtio_parent / "driver");
  const bool mmio = driver.empty() ? is_mmio_name(path.virtio_parent.filename().string()) : driver == "virtio-mmio";
  return mmio ? "virtio-mmio" : "virtio-platform";
}

std::string nvme_transport(TreeReader& reader, const fs::path& sysfs, const DevicePath& path) {
  const auto name =
      reader.trimmed(sysfs / "class/nvme" / ("nvme" + std::to_string(*path.nvme)) / "transport").value_or("");
  if (name == "pcie" || (name.empty() && !path.pci.empty())) return "pci";
  return name.empty() ? "nvme-fabrics" : "nvme-" + name;
}

}  // namespace

std::optional<std::uint32_t> numbered(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return parse_number<std::uint32_t>(text.substr(prefix.size()));
}

DevicePath analyse(const fs::path& sysfs, const fs::path& disk) {
  DevicePath result;
  fs::path walked = sysfs;
  std::string parent;
  for (const fs::path& component : disk.lexically_relative(sysfs)) {  // names above the root tell nothing
    const std::string name = component.string();
    walked /= component;
    if (is_pci_address(name)) {
      result.pci = walked;
      result.bus_id = name;
    } else if (const auto virtio = numbered(name, "virtio")) {
      result.virtio = virtio;
      result.virtio_parent = walked.parent_path();
      result.bus_id = parent;
    } else if (const auto nvme = numbered(name, "nvme")) {
      result.nvme = nvme;
    } else if (const auto host = numbered(name, "host")) {
      result.scsi_host = host;
    } else if (numbered(name, "ata")) {
      result.ata_port = name;
    } else if (numbered(name, "session")) {
      result.network = "iscsi";
    } else if (name == "net") {
      result.network = "fcoe";
    } else if (name.starts_with("rport-")) {
      if (result.network.empty()) result.network = "fc";
    } else if (numbered(name, "usb")) {
      result.is_usb = true;
    } else if (name == "mmc_host") {
      result.is_mmc = true;
    } else if (name.starts_with("vbd-")) {
      result.is_xen = true;
    } else if (name == "vduse" && parent == "virtual") {
      result.is_vduse = true;
    }
    if (parent == "devices" && result.root.empty()) result.root = name;
    parent = name;
  }
  return result;
}

std::string find_driver(TreeReader& reader, const fs::path& sysfs, const fs::path& disk, const DevicePath& path) {
  if (path.scsi_host) {
    const auto name =
        reader.trimmed(sysfs / "class/scsi_host" / ("host" + std::to_string(*path.scsi_host)) / "proc_name");
    if (name && !name->empty() && *name != "<NULL>" && *name != "(null)") return *name;
  }
  if (path.nvme) return "nvme";
  if (std::string driver = linked(disk / "device/driver"); !driver.empty() && driver != "sd") return driver;
  return path.pci.empty() ? std::string() : linked(path.pci / "driver");
}

std::string find_transport(TreeReader& reader, const fs::path& sysfs, const fs::path& disk, const DevicePath& path) {
  if (path.virtio) return virtio_transport(reader, sysfs, path);
  if (path.nvme) return nvme_transport(reader, sysfs, path);
  if (!path.ata_port.empty()) return "ata";
  // The host of ib_srp is below the PCI device of the network's adapter (srp_add_target() in Linux).
  if (path.scsi_host && find_driver(reader, sysfs, disk, path) == "ib_srp") return "srp";
  if (path.scsi_host) return !path.network.empty() ? path.network : path.is_usb ? "usb" : "scsi";
  if (path.is_mmc) return "mmc";
  if (path.is_xen) return "xen";
  if (path.root == "virtual") return "virtual";
  if (std::string bus = linked(disk / "device/subsystem"); !bus.empty()) return bus;
  return bus_without_links(path);
}

}  // namespace vqscope
