// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/vmm.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

#include <algorithm>
#include <cstring>

namespace vqscope {

namespace {

struct Sign {
  std::string_view text;
  std::string_view product;
};

// First match wins, so products that are built on others stand before them.
constexpr Sign kDmiSigns[] = {
    {"Amazon EC2", "amazon-ec2"},
    {"Google", "google-compute-engine"},
    {"Cloud Hypervisor", "cloud-hypervisor"},
    {"Firecracker", "firecracker"},
    {"VMware", "vmware"},
    {"innotek", "virtualbox"},
    {"Microsoft Corporation", "hyper-v"},
    {"Xen", "xen"},
    {"QEMU", "qemu"},
    {"Red Hat", "qemu"},
    {"oVirt", "qemu"},
    {"OpenStack", "qemu"},
    {"KubeVirt", "qemu"},
    {"Bochs", "qemu"},
};

// OEM identifiers in the header of the DSDT (ACPI 6.5, 5.2.6), six characters at offset 10.
constexpr Sign kAcpiSigns[] = {
    {"FIRECK", "firecracker"}, {"CLOUDH", "cloud-hypervisor"},
    {"AMAZON", "amazon-ec2"},  {"Google", "google-compute-engine"},
    {"VBOX", "virtualbox"},    {"VRTUAL", "hyper-v"},
    {"BOCHS", "qemu"},
};

// Hardware identifiers of ACPI devices that only these products have; their tables are for root alone.
constexpr Sign kAcpiDevices[] = {
    {"FCVMGID", "firecracker"},  // VM generation ID, up to Firecracker 1.16
    {"QEMUVGID", "qemu"},        // the same of QEMU
    {"QEMU0002", "qemu"},        // fw_cfg
};

constexpr Sign kSignatures[] = {
    {"KVMKVMKVM", "kvm"},       {"TCGTCGTCG", "qemu"},   {"Microsoft Hv", "hyper-v"},
    {"VMwareVMware", "vmware"}, {"XenVMMXenVMM", "xen"},
};

template <std::size_t N>
std::string_view find(const Sign (&signs)[N], std::string_view text) {
  for (const Sign& sign : signs)
    if (text.find(sign.text) != std::string_view::npos) return sign.product;
  return {};
}

}  // namespace

std::string hypervisor_signature() {
#ifdef __x86_64__
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kHypervisorPresent = 1U << 31;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & kHypervisorPresent)) return {};
  __cpuid(0x40000000, eax, ebx, ecx, edx);
  char text[13] = {};
  std::memcpy(text, &ebx, 4);
  std::memcpy(text + 4, &ecx, 4);
  std::memcpy(text + 8, &edx, 4);
  return text;
#else
  return {};
#endif
}

std::string detect_vmm(TreeReader& reader, const std::filesystem::path& sysfs, std::string_view signature) {
  std::string dmi;
  for (const char* file : {"sys_vendor", "product_name", "bios_vendor", "chassis_vendor"})
    dmi += reader.trimmed(sysfs / "class/dmi/id" / file).value_or("") + "\n";
  if (const auto product = find(kDmiSigns, dmi); !product.empty()) return std::string(product);
  if (const auto dsdt = reader.text(sysfs / "firmware/acpi/tables/DSDT"); dsdt && dsdt->size() >= 16)
    if (const auto product = find(kAcpiSigns, dsdt->substr(10, 6)); !product.empty()) return std::string(product);
  const auto devices = list_directory(sysfs / "bus/acpi/devices");  // such as "QEMU0002:00"
  for (const std::string& device : devices)
    if (const auto product = find(kAcpiDevices, device); !product.empty()) return std::string(product);
  // From Firecracker 1.17 on the generation ID bears the generic name; next to Amazon's clock, and without DMI, it
  // tells.
  const auto has = [&](std::string_view id) {
    return std::any_of(devices.begin(), devices.end(), [&](const auto& device) { return device.starts_with(id); });
  };
  if (has("VMGENCTR:") && has("AMZNC10C:")) return "firecracker";
  return std::string(find(kSignatures, signature));
}

}  // namespace vqscope
