// SPDX-License-Identifier: Apache-2.0
// Which hypervisor product runs this guest, as far as the guest can tell.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "agent/topology/tree_reader.h"

namespace vqscope {

// CPUID's hypervisor signature of this CPU ("KVMKVMKVM"), or empty on bare metal and on other architectures.
std::string hypervisor_signature();

// The product, from DMI (sysfs/class/dmi/id), else from the OEM of the ACPI tables (sysfs/firmware/acpi/tables, which
// only root may read), else from ACPI devices (sysfs/bus/acpi/devices), else from the signature: "qemu", "firecracker",
// "cloud-hypervisor", "amazon-ec2", "google-compute-engine", "hyper-v", "vmware", "virtualbox", "xen", "kvm" (no
// product known); empty if nothing tells.
std::string detect_vmm(TreeReader& reader, const std::filesystem::path& sysfs, std::string_view signature);

}  // namespace vqscope
