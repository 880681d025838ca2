// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/host_remedies.h"

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

}  // namespace vqscope
