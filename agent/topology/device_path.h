// SPDX-License-Identifier: Apache-2.0
// What the path of a disk in sysfs tells: on which buses it is, which driver drives it, and how it is reached.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "agent/topology/tree_reader.h"

namespace vqscope {

// What the path of a disk below sysfs' devices folder tells.
struct DevicePath {
  std::optional<std::uint32_t> virtio, nvme, scsi_host;
  std::filesystem::path virtio_parent;  // directory of the device that carries the virtio device
  std::filesystem::path pci;            // directory of the nearest PCI device; empty if there is none
  std::string bus_id;    // its address, or the name of the device that carries the virtio device; empty: neither
  std::string ata_port;  // "ata1"; empty if there is none
  std::string network;   // "iscsi", "fc", "fcoe": what a SCSI host reaches its disks by; empty: nothing that is known
  std::string root;      // the first folder, such as "pci0000:00", "platform", "virtual", "css0"
  bool is_usb = false, is_mmc = false, is_xen = false, is_vduse = false;
};

// "virtio3" with prefix "virtio" -> 3.
std::optional<std::uint32_t> numbered(std::string_view text, std::string_view prefix);

// `disk` is the disk's real directory, `sysfs` the real path of sysfs.
DevicePath analyse(const std::filesystem::path& sysfs, const std::filesystem::path& disk);

// The controller's driver, such as "virtio_blk", "nvme", "ahci"; empty if there is none.
std::string find_driver(TreeReader& reader, const std::filesystem::path& sysfs, const std::filesystem::path& disk,
                        const DevicePath& path);

// "virtio-pci", "virtio-mmio", "virtio-ccw", "virtio-vdpa" or "virtio-" and another bus; of NVMe "pci", or "nvme-tcp",
// "nvme-rdma", "nvme-fc", "nvme-loop"; of SCSI hosts "ata", "iscsi", "fc", "fcoe", "srp", "usb", "scsi"; "mmc",
// "xen", "virtual" (loop, nbd, zram, dm ...); for the rest the name of the disk's bus, such as "ccw" (DASD), "rbd" or
// "nd", and "other" if it has none.
std::string find_transport(TreeReader& reader, const std::filesystem::path& sysfs, const std::filesystem::path& disk,
                           const DevicePath& path);

}  // namespace vqscope
