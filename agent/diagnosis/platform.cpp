// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/platform.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/diagnosis/disk_kind.h"
#include "agent/diagnosis/host_remedies.h"
#include "agent/topology/vmm.h"

namespace vqscope {

namespace {

struct Names {
  Platform platform;
  std::string_view name, title;
};

constexpr Names kNames[] = {
    {Platform::kQemu, "qemu", "QEMU"},
    {Platform::kLibvirt, "libvirt", "libvirt"},
    {Platform::kProxmox, "proxmox", "Proxmox VE"},
    {Platform::kOvirt, "ovirt", "oVirt or RHV"},
    {Platform::kKubevirt, "kubevirt", "KubeVirt"},
    {Platform::kOpenStack, "openstack", "OpenStack"},
    {Platform::kFirecracker, "firecracker", "Firecracker"},
    {Platform::kCloudHypervisor, "cloud-hypervisor", "Cloud Hypervisor"},
};

// What does not run on an architecture: Proxmox VE is for x86 (and arm64, by others), oVirt for x86, POWER and s390,
// KubeVirt for x86, arm64 and s390, Firecracker for x86 and arm64, Cloud Hypervisor for these and RISC-V.
struct Absent {
  std::string_view architecture;
  Platform platform;
};
constexpr Absent kAbsent[] = {
    {"s390", Platform::kProxmox},          {"s390", Platform::kFirecracker},  {"s390", Platform::kCloudHypervisor},
    {"power", Platform::kProxmox},         {"power", Platform::kKubevirt},    {"power", Platform::kFirecracker},
    {"power", Platform::kCloudHypervisor}, {"riscv", Platform::kProxmox},     {"riscv", Platform::kOvirt},
    {"riscv", Platform::kKubevirt},        {"riscv", Platform::kFirecracker}, {"arm", Platform::kOvirt},
};

// Firecracker and Cloud Hypervisor make no disks but virtio-blk. A drive on USB can be one that is passed through.
bool is_of_others(const Topology& topology, const Disk& disk) {
  return (is_emulated(topology, disk) && disk.transport != "usb") || kind_of(disk) == DiskKind::kVirtioScsi;
}

std::vector<Platform> that_run_here(std::vector<Platform> platforms, const Topology& topology) {
  const auto has = [&](const auto& is) { return std::ranges::any_of(topology.disks, is); };
  const bool is_on_ccw = has([](const Disk& disk) { return disk.transport == "virtio-ccw"; });
  const std::string_view architecture = is_on_ccw ? "s390" : std::string_view(topology.guest.architecture);
  std::erase_if(platforms, [&](Platform platform) {
    return std::ranges::any_of(kAbsent, [&](const Absent& absent) {
      return absent.architecture == architecture && absent.platform == platform;
    });
  });
  if (has([&](const Disk& disk) { return is_of_others(topology, disk); }))
    std::erase_if(platforms, [](Platform platform) {
      return platform == Platform::kFirecracker || platform == Platform::kCloudHypervisor;
    });
  return platforms;
}

}  // namespace

std::string_view name_of(Platform platform) {
  for (const Names& names : kNames)
    if (names.platform == platform) return names.name;
  return {};
}

std::string_view title_of(Platform platform) {
  for (const Names& names : kNames)
    if (names.platform == platform) return names.title;
  return {};
}

std::optional<Platform> parse_platform(std::string_view name) {
  for (const Names& names : kNames)
    if (names.name == name) return names.platform;
  return std::nullopt;
}

PlatformChoice choose_platforms(const Topology& topology, std::optional<Platform> forced) {
  const std::string& vmm = topology.vmm;
  const std::string& manager = topology.guest.manager;
  if (forced) return {{*forced}, fmt::format("Remedies are for {}, as asked for.", title_of(*forced))};
  if (vmm.empty() && is_guest(topology) && manager.empty())
    return {that_run_here({kPlatforms.begin(), kPlatforms.end()}, topology),
            "This guest cannot tell on which hypervisor it runs; --platform shows the remedies of one."};
  if (vmm.empty() && !is_guest(topology)) return {{}, "This machine does not look like a guest."};
  // What manages the hypervisor is where things are set; such a name stands for a provider if it is no platform.
  for (const std::string& name : {manager, vmm}) {
    const auto platform = parse_platform(name);
    if (platform && *platform != Platform::kQemu)
      return {{*platform}, fmt::format("This guest runs on {}.", title_of(*platform))};
  }
  if (!manager.empty()) return {{}, fmt::format("This guest runs on {}.", manager)};
  const std::vector<Platform> of_qemu = {Platform::kQemu, Platform::kLibvirt, Platform::kProxmox, Platform::kOvirt};
  if (vmm == "qemu")
    return {that_run_here(of_qemu, topology),
            "This guest runs on QEMU and cannot tell who manages it; --platform shows the remedies of one."};
  if (vmm == "kvm")
    return {that_run_here({kPlatforms.begin(), kPlatforms.end()}, topology),
            "This guest runs on KVM and cannot tell under which program; --platform shows the remedies of one."};
  if (vmm == "other") return {{}, "This guest runs on a hypervisor that vqscope does not know."};
  return {{}, fmt::format("This guest runs on {}.", vmm)};
}

bool may_be_own_host(const Topology& topology) { return !choose_platforms(topology, std::nullopt).platforms.empty(); }

}  // namespace vqscope
