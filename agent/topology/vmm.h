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

// The product, from DMI (sysfs/class/dmi/id), else from the OEM of the ACPI tables (sysfs/firmware/acpi/tables, which
// only root may read), else from ACPI devices (sysfs/bus/acpi/devices), else from the device tree
// (sysfs/firmware/devicetree), s390's procfs/sysinfo or Xen's sysfs/hypervisor, else from the signature: "qemu",
// "firecracker", "cloud-hypervisor", "amazon-ec2", "google-compute-engine", "hyper-v", "vmware", "virtualbox", "xen",
// "zvm", "powervm", "kvm" (no product known), "other" (a hypervisor that is not known); empty if nothing tells, or if
// this is no guest: where procfs/cpuinfo or CPUID has no hypervisor, what is sold as hardware, too, is hardware; so is
// a Xen dom0.
std::string detect_vmm(TreeReader& reader, const SystemPaths& paths, std::optional<std::string_view> signature);

// Its product is known, or a disk proves that there is a hypervisor.
bool is_guest(const Topology& topology);

}  // namespace vqscope
