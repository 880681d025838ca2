// SPDX-License-Identifier: Apache-2.0
// Which hypervisor product runs this guest, as far as the guest can tell.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/topology/scan.h"
#include "agent/topology/tree_reader.h"

namespace vqscope {

// CPUID's hypervisor signature of this CPU ("KVMKVMKVM"), empty if there is no hypervisor; nullopt on architectures
// without CPUID.
std::optional<std::string> hypervisor_signature();

struct Hypervisor {
  std::string product;        // as below; empty: none, or not known
  std::optional<bool> there;  // as the CPU tells, or DMI in its place; absent: neither tells
};

// The product, from DMI (sysfs/class/dmi/id), else from the OEM of the ACPI tables (sysfs/firmware/acpi/tables, which
// only root may read), else from ACPI devices (sysfs/bus/acpi/devices), else from the device tree
// (sysfs/firmware/devicetree), s390's procfs/sysinfo or Xen's sysfs/hypervisor, else from the signature: "qemu",
// "firecracker", "cloud-hypervisor", "amazon-ec2", "google-compute-engine", "hyper-v", "vmware", "virtualbox", "xen",
// "zvm", "powervm", "crosvm", "kvm" (no product known), "other" (a hypervisor that is not known). Where procfs/cpuinfo
// or CPUID has no hypervisor there is none, unless DMI's vendor and product of the system, an ACPI device or a PCI
// device are those that only a hypervisor gives; a Xen dom0 has one, and is no guest's. Where neither tells, a name
// that a provider gives to virtual machines makes a guest.
Hypervisor detect_hypervisor(TreeReader& reader, const SystemPaths& paths, std::optional<std::string_view> signature);

// Its product is known, or a disk proves that there is a hypervisor, and the CPU does not deny it.
bool is_guest(const Topology& topology);

}  // namespace vqscope
