// SPDX-License-Identifier: Apache-2.0
// Fields: oVirt's REST API guide, types VmBase (virtio_scsi_multi_queues, io), DiskAttachment (interface). A PUT
// changes the fields that it names and no others.
#include <fmt/format.h>

#include "agent/diagnosis/host_remedies.h"

namespace vqscope {

namespace {

constexpr const char* kTitle = "oVirt";

constexpr const char* kGet = "curl --cacert CA-FILE -u USER@PROFILE https://ENGINE/ovirt-engine/api/vms/VM-ID";

// A PUT of one field, of the machine or of what is below it.
std::string put(const std::string& below, const std::string& body) {
  return fmt::format(
      "curl --cacert CA-FILE -u USER@PROFILE -X PUT -H 'Content-Type: application/xml' \\\n"
      "  -d '{}' \\\n"
      "  https://ENGINE/ovirt-engine/api/vms/VM-ID{}",
      body, below);
}

Caution field(const char* name) {
  return {fmt::format("What {} is now: the same URL without -X, -H and -d.", name), words::kRestart,
          "The same with the value that stood there.", words::kNoDataButState};
}

Step other_bus(const char* title, std::string text, const char* bus) {
  return {
      title, std::move(text),
      put("/diskattachments/DISK-ID", fmt::format("<disk_attachment><interface>{}</interface></disk_attachment>", bus)),
      Caution{std::string(words::kMoveCheck) + " What the interface is now: the same URL without -X, -H and -d.",
              "The guest: it has to be shut down before, and run after it.",
              "The same with the interface that stood there.", words::kMoveRisk}};
}

std::vector<Step> queues(const HostDisk& disk) {
  if (disk.kind == DiskKind::kNvme) return {{kTitle, words::kNvmeHardware, ""}};
  const std::string menu =
      "Edit the virtual machine, Resource Allocation, VirtIO-SCSI Multi Queues; or through the API:";
  Step step = {kTitle, menu,
               put("", fmt::format("<vm><virtio_scsi_multi_queues>{}</virtio_scsi_multi_queues></vm>", disk.queues)),
               field("virtio_scsi_multi_queues")};
  if (disk.kind == DiskKind::kVirtioScsi) return {std::move(step)};
  step.where = "oVirt, for a VirtIO-SCSI disk";
  return {{kTitle,
           "There is no setting for the queues of a VirtIO disk: it gets one for each vCPU that the machine is run "
           "with, if the machine type of its cluster is of QEMU 5.2 or newer. For VirtIO-SCSI disks there is one, so "
           "that what remains is another interface, and then the number.",
           ""},
          other_bus("oVirt, to VirtIO-SCSI", "Edit the disk, Interface; or through the API:", "virtio_scsi"),
          std::move(step)};
}

}  // namespace

std::vector<Step> ovirt_steps(Remedy remedy, const HostDisk& disk) {
  switch (remedy) {
    case Remedy::kMoreQueues: return queues(disk);
    case Remedy::kHostIo:
      if (!is_virtio(disk.kind)) return {{kTitle, words::kNoIoThread, kGet}};
      return {{kTitle, "Does the machine have I/O threads (io, threads)?", kGet},
              {kTitle,
               "Edit the virtual machine, Resource Allocation, I/O Threads Enabled; or "
               "through the API:",
               put("", "<vm><io><threads>1</threads></io></vm>"), field("io, threads,")}};
    case Remedy::kUseVirtio: return {other_bus(kTitle, "Edit the disk, Interface; or through the API:", "virtio")};
    case Remedy::kDeepenQueue:
      return {{kTitle, "It has no setting for the length of a queue; more queues hold more.", ""}};
    case Remedy::kMoreVectors:
    case Remedy::kIndirectDescriptors:
      return {{kTitle,
               "It leaves this to QEMU, which does it right; look for custom properties or hooks of the machine.",
               kGet}};
    case Remedy::kFindLimit:
      return {{kTitle, "Look at the disk's profile, and at the storage QoS that the profile names.", ""}};
    case Remedy::kHostCpu:
      return {{kTitle, std::string(words::kCpuLimits) + " Here: CPU profile (QoS), CPU shares, CPU pinning.", kGet}};
    default: return {{kTitle, "Is the machine paused on an error, and are its storage domains up?", kGet}};
  }
}

}  // namespace vqscope
