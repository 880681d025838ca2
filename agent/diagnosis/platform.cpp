// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/platform.h"

#include <fmt/format.h>

#include <algorithm>

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

// On s390, where disks are on CCW, these do not run.
constexpr Platform kNotOnS390[] = {Platform::kProxmox, Platform::kFirecracker, Platform::kCloudHypervisor};

std::vector<Platform> that_run_here(const Topology& topology) {
  std::vector<Platform> platforms(kPlatforms.begin(), kPlatforms.end());
  if (std::ranges::any_of(topology.disks, [](const Disk& disk) { return disk.transport == "virtio-ccw"; }))
    std::erase_if(platforms, [](Platform platform) { return std::ranges::count(kNotOnS390, platform) > 0; });
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
    return {that_run_here(topology),
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
    return {of_qemu, "This guest runs on QEMU and cannot tell who manages it; --platform shows the remedies of one."};
  if (vmm == "kvm")
    return {that_run_here(topology),
            "This guest runs on KVM and cannot tell under which program; --platform shows the remedies of one."};
  if (vmm == "other") return {{}, "This guest runs on a hypervisor that vqscope does not know."};
  return {{}, fmt::format("This guest runs on {}.", vmm)};
}

bool may_be_own_host(const Topology& topology) { return !choose_platforms(topology, std::nullopt).platforms.empty(); }

}  // namespace vqscope
