// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/host_remedies.h"

#include <algorithm>
#include <utility>

namespace vqscope {

DiskKind kind_of(const Disk& disk) {
  if (disk.driver == "nvme") return DiskKind::kNvme;
  if (disk.driver == "virtio_scsi" || (disk.virtio && disk.virtio->first_request_queue > 0))
    return DiskKind::kVirtioScsi;
  if (disk.transport == "ata" || disk.transport == "usb" || disk.transport == "mmc") return DiskKind::kAta;
  if (disk.transport == "scsi" && !disk.virtio) return DiskKind::kScsi;
  return DiskKind::kVirtioBlk;
}

std::vector<Step> host_steps(Remedy remedy, Platform platform, const HostDisk& disk) {
  switch (platform) {
    case Platform::kQemu: return qemu_steps(remedy, disk);
    case Platform::kLibvirt: return libvirt_steps(remedy, disk);
    case Platform::kProxmox: return proxmox_steps(remedy, disk);
    case Platform::kOvirt: return ovirt_steps(remedy, disk);
    case Platform::kKubevirt: return kubevirt_steps(remedy, disk);
    case Platform::kOpenStack: return openstack_steps(remedy, disk);
    case Platform::kFirecracker: return firecracker_steps(remedy, disk);
    case Platform::kCloudHypervisor: break;
  }
  return cloud_hypervisor_steps(remedy, disk);
}

void add_host_steps(Remedy remedy, const std::vector<Platform>& platforms, const HostDisk& disk,
                    std::vector<Step>& steps) {
  if (!disk.settable) return;
  for (const Platform platform : platforms)
    for (Step& step : host_steps(remedy, platform, disk)) steps.push_back(std::move(step));
  if (platforms.empty())
    steps.push_back({kWhoeverRunsIt,
                     "With a cloud provider the instance type and the kind of disk decide how many queues there are "
                     "and how they are served, and these things cannot be set one by one. On a hypervisor of your own "
                     "they may be settings of the virtual machine: its documentation tells, vqscope does not know it.",
                     ""});
}

bool changes_something(const std::vector<Step>& steps) {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.caution.has_value(); });
}

}  // namespace vqscope
