// SPDX-License-Identifier: Apache-2.0
// What Nova can set: "Useful image properties" (Glance), "hw_machine_type" and nova-manage (Nova's administration
// guide), and nova/virt/libvirt/driver.py, which writes no queues for disks and, from 2026.1 on, one IOThread for each
// server. Nova makes the libvirt domain anew at each hard reboot, so virsh is no place for changes.
#include "agent/diagnosis/host_remedies.h"

namespace vqscope {

namespace {

constexpr const char* kTitle = "OpenStack";
constexpr const char* kShow = "openstack server show SERVER";
constexpr const char* kStopped =
    "The guest: openstack server stop SERVER before it, openstack server start SERVER after it.";

std::vector<Step> queues(const HostDisk& disk) {
  if (disk.kind == DiskKind::kNvme) return {{kTitle, words::kNvmeHardware, ""}};
  return {{kTitle,
           "Nova has no setting for the queues of a disk: a virtio disk gets one for each vCPU that the server is "
           "started with, if its machine type is of QEMU 5.2 or newer. Is it older? (For the cloud's administrator.)",
           "nova-manage libvirt get_machine_type SERVER-ID"},
          {"OpenStack, if the machine type is older",
           "The cloud's administrator can raise it within its family, no further than is needed.",
           "nova-manage libvirt update_machine_type SERVER-ID MACHINE-TYPE",
           Caution{"The type that the line above shows, and that a backup can be restored. The compute nodes have to "
                   "know the new one.",
                   kStopped, "The same with the old type.",
                   "No data, but the guest sees other hardware: network interfaces may get other names, and Windows "
                   "may want to be activated again."}}};
}

std::vector<Step> virtio(const HostDisk& disk) {
  const bool scsi = disk.kind == DiskKind::kScsi;
  return {{"OpenStack (Yoga and newer)",
           scsi ? "The cloud's administrator can change the recorded model of the SCSI controller; all its disks move "
                  "with it."
                : "The cloud's administrator can change the bus that is recorded for the server. Disks that have one "
                  "recorded for themselves, such as volumes, and a root disk of a recorded name, stay where they are.",
           std::string("nova-manage image_property set SERVER-ID --property ") +
               (scsi ? "hw_scsi_model=virtio-scsi" : "hw_disk_bus=virtio"),
           Caution{std::string(words::kMoveCheck) +
                       (scsi ? " What nova-manage image_property show SERVER-ID hw_scsi_model says now."
                             : " What nova-manage image_property show SERVER-ID hw_disk_bus says now."),
                   kStopped, "The same with the old value.",
                   std::string(words::kMoveRisk) +
                       " Do not rebuild the server to apply a property: that replaces its root disk by the image."}}};
}

}  // namespace

std::vector<Step> openstack_steps(Remedy remedy, const HostDisk& disk) {
  switch (remedy) {
    case Remedy::kMoreQueues: return queues(disk);
    case Remedy::kUseVirtio: return virtio(disk);
    case Remedy::kHostIo:
      return {
          {kTitle,
           "Nova has no setting for IOThreads; from release 2026.1 on each server has one. Limits can come from the "
           "flavor (quota:disk_...) and from the QoS of the volume's type.",
           kShow}};
    case Remedy::kDeepenQueue: return {{kTitle, "Nova has no setting for the length of a queue.", ""}};
    case Remedy::kMoreVectors:
    case Remedy::kIndirectDescriptors:
      return {{kTitle, "Nova leaves this to QEMU, which does it right; nothing can be set.", ""}};
    case Remedy::kFindLimit:
      return {{kTitle, "Look at the QoS of the volume's type, and at quota:disk_* of the flavor:",
               "openstack volume list --long\nopenstack server show SERVER-ID"}};
    case Remedy::kHostCpu:
      return {
          {kTitle,
           std::string(words::kCpuLimits) +
               " Here: the flavor's quota:cpu_... and hw:cpu_policy, and how far the compute node is overcommitted.",
           kShow}};
    default:
      return {{kTitle, "What do the server's state and its volumes' states say?",
               "openstack server show SERVER\nopenstack volume list"}};
  }
}

}  // namespace vqscope
