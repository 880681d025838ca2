// SPDX-License-Identifier: Apache-2.0
#include "agent/topology/vmm.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <span>

namespace vqscope {

namespace fs = std::filesystem;

namespace {

// Something that a hypervisor has, or a provider on its machines without one, too.
struct Sign {
  std::string_view text;
  std::string_view product;
};

// What a vendor's name and the beginning of a product's name together tell; an empty one is any. A vendor alone stands
// here only if it makes nothing but hypervisors. First match wins, so products that are built on others stand before
// them.
struct DmiSign {
  std::string_view vendor, name;
  std::string_view product;
  // No machine without a hypervisor bears it, so it tells where the CPU's flag was hidden (QEMU's -cpu
  // host,-hypervisor, as for a GPU that is passed through).
  bool proves = true;
};

constexpr DmiSign kDmiSigns[] = {
    {"Amazon EC2", "", "amazon-ec2", false},
    {"", "Google Compute Engine", "google-compute-engine", false},
    {"Cloud Hypervisor", "", "cloud-hypervisor"},
    {"Firecracker", "", "firecracker"},
    {"VMware", "", "vmware"},
    {"innotek", "", "virtualbox"},
    {"", "VirtualBox", "virtualbox"},
    {"Microsoft Corporation", "Virtual Machine", "hyper-v"},
    {"Xen", "", "xen"},
    {"QEMU", "", "qemu"},
    {"", "KVM", "qemu"},
    {"", "Standard PC (Q35", "qemu"},
    {"", "Standard PC (i440FX", "qemu"},
    {"Red Hat", "", "qemu", false},
    {"oVirt", "", "qemu"},
    {"OpenStack", "", "qemu", false},
    {"", "OpenStack", "qemu", false},
    {"KubeVirt", "", "qemu"},
    {"Bochs", "", "qemu"},
    {"Virtuozzo", "", "qemu"},
    {"", "crosvm", "crosvm"},
    {"", "Apple Virtualization", "apple-virtualization"},
    {"", "BHYVE", "bhyve"},
    {"Parallels", "", "parallels"},
};

// What providers call what they sell as virtual machines. Where the CPU does not tell, as on arm64, it makes a guest.
constexpr DmiSign kVirtualMachines[] = {
    {"Alibaba Cloud", "Alibaba Cloud ECS", "other"},
    {"Tencent Cloud", "CVM", "other"},
    {"3DS Outscale", "3DS Outscale VM", "other"},
    {"", "CloudStack KVM Hypervisor", "kvm"},
};

// PCI vendors, and vendors of a board, whose devices only a hypervisor makes. Virtio's are not among them: hardware
// bears them, too.
constexpr Sign kPciVendors[] = {
    {"0x1b36", "qemu"}, {"0x15ad", "vmware"}, {"0x80ee", "virtualbox"}, {"0x1ab8", "parallels"}, {"0x5853", "xen"},
};
constexpr Sign kPciBoards[] = {{"0x1af4", "qemu"}, {"0x15ad", "vmware"}, {"0x1ab8", "parallels"}, {"0x5853", "xen"}};
constexpr std::string_view kVirtioVendor = "0x1af4";

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

// In "compatible" and "model" of the device tree's root, and in "compatible" of its node "hypervisor".
constexpr Sign kTreeSigns[] = {
    {"qemu", "qemu"},  // "qemu,pseries", "riscv-virtio,qemu", "IBM pSeries (emulated by qemu)"
    {"xen,xen", "xen"},   {"vmware", "vmware"},
    {"linux,kvm", "kvm"}, {"linux,dummy-virt", "kvm"},  // of QEMU, Firecracker, Cloud Hypervisor and crosvm on arm64
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

bool begins_with_words(std::string_view text, std::string_view words) {
  return text.starts_with(words) &&
         (text.size() == words.size() || std::isalnum(static_cast<unsigned char>(text[words.size()])) == 0);
}

// /proc/cpuinfo of x86 has the flag "hypervisor"; nullopt: there are no such flags.
std::optional<bool> has_hypervisor_flag(std::string_view cpuinfo) {
  for (const std::string_view line : split(cpuinfo, "\n")) {
    if (!line.starts_with("flags")) continue;
    const auto flags = split(line);
    return std::find(flags.begin(), flags.end(), "hypervisor") != flags.end();
  }
  return std::nullopt;
}

// Xen's first domain has the machine's own disks (XENFEAT_dom0 is bit 11).
bool is_xen_dom0(TreeReader& reader, const SystemPaths& paths) {
  if (reader.trimmed(paths.procfs / "xen/capabilities").value_or("").find("control_d") != std::string::npos)
    return true;
  const std::string features = reader.trimmed(paths.sysfs / "hypervisor/properties/features").value_or("");
  std::uint32_t bits = 0;
  const auto parsed = std::from_chars(features.data(), features.data() + features.size(), bits, 16);
  return parsed.ec == std::errc{} && parsed.ptr == features.data() + features.size() && (bits >> 11 & 1) != 0;
}

struct Dmi {
  std::vector<std::string> vendors;
  std::string product;

  [[nodiscard]] bool is_there() const {
    return !product.empty() || std::any_of(vendors.begin(), vendors.end(), [](const auto& v) { return !v.empty(); });
  }
};

// A chassis or firmware that bears the name of a hypervisor is believed only where the CPU says that there is one, or
// where nothing tells and the system has no vendor: a hypervisor that hides itself is the vendor of the system still.
Dmi read_dmi(TreeReader& reader, const fs::path& sysfs, std::optional<bool> hypervisor) {
  Dmi dmi;
  dmi.vendors.push_back(reader.trimmed(sysfs / "class/dmi/id/sys_vendor").value_or(""));
  if (hypervisor.value_or(dmi.vendors.front().empty()))
    for (const char* file : {"bios_vendor", "chassis_vendor"})
      dmi.vendors.push_back(reader.trimmed(sysfs / "class/dmi/id" / file).value_or(""));
  dmi.product = reader.trimmed(sysfs / "class/dmi/id/product_name").value_or("");
  return dmi;
}

// What providers call their machines without a hypervisor, which tells on arm64, too: Amazon, Alibaba.
bool is_sold_as_hardware(const Dmi& dmi) {
  return dmi.product.find(".metal") != std::string::npos || dmi.product.find("Bare Metal") != std::string::npos ||
         dmi.product.find("ecs.ebm") != std::string::npos;
}

// nullptr: none tells.
const DmiSign* sign_of(const Dmi& dmi, std::span<const DmiSign> signs = kDmiSigns) {
  for (const DmiSign& sign : signs) {
    const bool by_vendor = std::any_of(dmi.vendors.begin(), dmi.vendors.end(), [&](const std::string& vendor) {
      return begins_with_words(vendor, sign.vendor);
    });
    if ((sign.vendor.empty() || by_vendor) && (sign.name.empty() || begins_with_words(dmi.product, sign.name)))
      return &sign;
  }
  return nullptr;
}

std::string_view by_acpi_devices(const fs::path& sysfs) {
  for (const std::string& device : list_directory(sysfs / "bus/acpi/devices"))  // such as "QEMU0002:00"
    if (const auto product = find(kAcpiDevices, device); !product.empty()) return product;
  return {};
}

// By its emulated devices: a host bridge, say, whose chip is Intel's and whose board QEMU's. What is passed through
// keeps the board's vendor.
std::string_view by_pci(TreeReader& reader, const fs::path& sysfs) {
  const fs::path devices = sysfs / "bus/pci/devices";
  for (const std::string& name : reader.names(devices)) {
    const std::string vendor = reader.trimmed(devices / name / "vendor").value_or("");
    if (vendor.empty() || vendor == kVirtioVendor) continue;
    if (const auto product = find(kPciVendors, vendor); !product.empty()) return product;
    const std::string board = reader.trimmed(devices / name / "subsystem_vendor").value_or("");
    if (const auto product = find(kPciBoards, board); !product.empty()) return product;
  }
  return {};
}

std::string_view by_acpi(TreeReader& reader, const fs::path& sysfs) {
  constexpr std::size_t kIdentifier = 10, kIdentifierSize = 6;
  if (const auto dsdt = reader.head(sysfs / "firmware/acpi/tables/DSDT", kIdentifier + kIdentifierSize);
      dsdt && dsdt->size() == kIdentifier + kIdentifierSize)
    if (const auto product = find(kAcpiSigns, dsdt->substr(kIdentifier)); !product.empty()) return product;
  if (const auto product = by_acpi_devices(sysfs); !product.empty()) return product;
  // From Firecracker 1.17 on the generation ID bears the generic name; next to Amazon's clock, and without DMI, it
  // tells.
  const auto devices = list_directory(sysfs / "bus/acpi/devices");
  const auto has = [&](std::string_view id) {
    return std::any_of(devices.begin(), devices.end(), [&](const auto& device) { return device.starts_with(id); });
  };
  return has("VMGENCTR:") && has("AMZNC10C:") ? "firecracker" : "";
}

std::string_view by_device_tree(TreeReader& reader, const fs::path& root) {
  const auto names = reader.names(root);
  const auto has = [&](std::string_view name) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return n.starts_with(name); });
  };
  if (has("fw-cfg@")) return "qemu";
  std::string text;
  for (const char* property : {"compatible", "model", "hypervisor/compatible"})
    text += reader.text(root / property).value_or("") + "\n";
  if (const auto product = find(kTreeSigns, text); !product.empty()) return product;
  // A logical partition of POWER has a name, and QEMU's says that it is QEMU's.
  return has("ibm,partition-name") ? "powervm" : "";
}

// "VM00 Control Program: KVM/Linux": the innermost hypervisor of an s390 guest; a machine without one has no such line.
std::string_view by_sysinfo(TreeReader& reader, const fs::path& procfs) {
  const std::string text = reader.text(procfs / "sysinfo").value_or("");
  for (const std::string_view line : split(text, "\n")) {
    if (!line.starts_with("VM00 Control Program:")) continue;
    return line.find("KVM") != std::string_view::npos    ? "kvm"
           : line.find("z/VM") != std::string_view::npos ? "zvm"
                                                         : "";
  }
  return {};
}

// Of a machine that may be a guest; empty if nothing tells.
std::string find_product(TreeReader& reader, const SystemPaths& paths, const Dmi& dmi, const std::string& cpuinfo,
                         std::optional<bool> flag, std::optional<std::string_view> signature) {
  if (const DmiSign* sign = sign_of(dmi)) return std::string(sign->product);
  if (const auto product = by_acpi(reader, paths.sysfs); !product.empty()) return std::string(product);
  for (const fs::path& root : {paths.sysfs / "firmware/devicetree/base", paths.procfs / "device-tree"})
    if (const auto product = by_device_tree(reader, root); !product.empty()) return std::string(product);
  if (const auto product = by_sysinfo(reader, paths.procfs); !product.empty()) return std::string(product);
  if (cpuinfo.find("(emulated by qemu)") != std::string::npos) return "qemu";  // POWER
  if (reader.trimmed(paths.sysfs / "hypervisor/type") == "xen") return "xen";
  if (const DmiSign* sign = flag ? nullptr : sign_of(dmi, kVirtualMachines)) return std::string(sign->product);
  // Without flags these may be the files of another machine, which this CPU tells nothing of.
  if (!signature || (!flag && (dmi.is_there() || !cpuinfo.empty()))) return {};
  const auto product = find(kSignatures, *signature);
  // The bit alone makes it a guest.
  return std::string(product.empty() && flag.value_or(!signature->empty()) ? "other" : product);
}

}  // namespace

std::optional<std::string> hypervisor_signature() {
#ifdef __x86_64__
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kHypervisorPresent = 1U << 31;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & kHypervisorPresent)) return "";
  __cpuid(0x40000000, eax, ebx, ecx, edx);
  char text[13] = {};
  std::memcpy(text, &ebx, 4);
  std::memcpy(text + 4, &ecx, 4);
  std::memcpy(text + 8, &edx, 4);
  return text;
#else
  return std::nullopt;
#endif
}

Hypervisor detect_hypervisor(TreeReader& reader, const SystemPaths& paths, std::optional<std::string_view> signature) {
  constexpr std::size_t kSomeCpus = 65536;  // all CPUs have the same flags
  const std::string cpuinfo = reader.head(paths.procfs / "cpuinfo", kSomeCpus).value_or("");
  const auto flag = has_hypervisor_flag(cpuinfo);
  // Where there are files of a CPU without such flags, they are not those of an x86 CPU, and so not of this one.
  const std::optional<bool> bit = flag || !signature || !cpuinfo.empty() ? flag : !signature->empty();
  if (is_xen_dom0(reader, paths)) return {{}, bit};
  const Dmi dmi = read_dmi(reader, paths.sysfs, bit);
  // The CPU knows, unless the hypervisor hides itself there; firmware and names are chosen freely, and of machines
  // without a hypervisor, too. Names tell where the CPU does not.
  if (!bit.value_or(!is_sold_as_hardware(dmi))) {
    if (is_sold_as_hardware(dmi)) return {{}, false};
    const DmiSign* sign = sign_of(dmi);
    std::string_view product = sign != nullptr && sign->proves ? sign->product : "";
    if (product.empty()) product = by_acpi_devices(paths.sysfs);
    if (product.empty()) product = by_pci(reader, paths.sysfs);
    return {std::string(product), !product.empty()};
  }
  return {find_product(reader, paths, dmi, cpuinfo, flag, signature), bit};
}

bool is_guest(const Topology& topology) {
  if (topology.guest.hypervisor == false) return false;  // virtio can be hardware, too
  return !topology.vmm.empty() || std::any_of(topology.disks.begin(), topology.disks.end(), [](const Disk& disk) {
    return disk.transport.starts_with("virtio-") && disk.transport != "virtio-vdpa";
  });
}

}  // namespace vqscope
