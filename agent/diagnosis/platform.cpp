// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/platform.h"

#include <fmt/format.h>

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
    {Platform::kOvirt, "ovirt", "oVirt"},
    {Platform::kFirecracker, "firecracker", "Firecracker"},
    {Platform::kCloudHypervisor, "cloud-hypervisor", "Cloud Hypervisor"},
};

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
  if (vmm == "firecracker") return {{Platform::kFirecracker}, "This guest runs on Firecracker."};
  if (vmm == "cloud-hypervisor") return {{Platform::kCloudHypervisor}, "This guest runs on Cloud Hypervisor."};
  if (manager == "ovirt") return {{Platform::kOvirt}, "This guest runs on oVirt."};
  if (manager == "proxmox") return {{Platform::kProxmox}, "This guest runs on Proxmox VE."};
  const std::vector<Platform> of_qemu = {Platform::kQemu, Platform::kLibvirt, Platform::kProxmox, Platform::kOvirt};
  if (manager == "openstack" || manager == "kubevirt")
    return {{Platform::kLibvirt},
            fmt::format("This guest runs on {}, which drives libvirt; its administrator finds there what to set.",
                        manager == "openstack" ? "OpenStack" : "KubeVirt")};
  if (vmm == "qemu")
    return {of_qemu, "This guest runs on QEMU and cannot tell who manages it; --platform shows the remedies of one."};
  if (vmm == "kvm")
    return {{kPlatforms.begin(), kPlatforms.end()},
            "This guest runs on KVM and cannot tell under which program; --platform shows the remedies of one."};
  if (vmm.empty() && is_guest(topology))
    return {{kPlatforms.begin(), kPlatforms.end()},
            "This guest cannot tell on which hypervisor it runs; --platform shows the remedies of one."};
  if (vmm.empty()) return {{}, "This machine does not look like a guest."};
  return {{}, fmt::format("This guest runs on {}.", vmm)};
}

}  // namespace vqscope
