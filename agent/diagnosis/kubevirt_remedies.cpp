// SPDX-License-Identifier: Apache-2.0
// Fields: KubeVirt's user guide, "Disks and Volumes" (IOThreads, Virtio Block Multi-Queue), and pkg/instancetype for
// who may set them besides. virt-launcher makes the libvirt domain from them at each start, so virsh is no place for
// changes. Kubernetes takes no names in capitals, so VM and NAMESPACE are refused.
#include <fmt/format.h>

#include <utility>

#include "agent/diagnosis/host_remedies.h"

namespace vqscope {

namespace {

constexpr const char* kTitle = "KubeVirt";
constexpr const char* kLook =
    "kubectl get virtualmachine VM --namespace NAMESPACE -o yaml\n"
    "kubectl describe virtualmachineinstance VM --namespace NAMESPACE";
constexpr const char* kRestart =
    "The guest: it counts after virtctl restart VM --namespace NAMESPACE, not after a reboot inside it.";

// One field of the domain, in a merge patch.
Step field(std::string text, const std::string& domain, std::string check, std::string undo, const char* risk) {
  return {
      kTitle, std::move(text),
      fmt::format("kubectl patch virtualmachine VM --namespace NAMESPACE --type merge \\\n"
                  "  --patch '{{\"spec\": {{\"template\": {{\"spec\": {{\"domain\": {{{}}}}}}}}}}}'",
                  domain),
      Caution{std::move(check) +
                  " If a template or a Git repository manages the VirtualMachine, change it there, or the change is "
                  "taken back.",
              kRestart, std::move(undo), risk}};
}

Step other_bus(const char* title, const char* text) {
  return {title, text,
          "kubectl patch virtualmachine VM --namespace NAMESPACE --type json \\\n"
          "  --patch '[{\"op\": \"replace\", \"value\": \"virtio\",\n"
          "    \"path\": \"/spec/template/spec/domain/devices/disks/DISK-INDEX/disk/bus\"}]'",
          Caution{std::string(words::kMoveCheck) +
                      " kubectl get virtualmachine VM --namespace NAMESPACE -o yaml: which of the disks it is, "
                      "counted from 0, and what its bus is now.",
                  kRestart, "The same with the old bus.", words::kMoveRisk}};
}

std::vector<Step> queues(const HostDisk& disk) {
  if (disk.kind == DiskKind::kNvme) return {{kTitle, words::kNvmeHardware, ""}};
  Step step = field(
      "blockMultiQueue gives each disk on the bus virtio as many queues as the machine has vCPUs. (A preference can "
      "set "
      "it too: preferredBlockMultiQueue.)",
      R"("devices": {"blockMultiQueue": true})",
      "kubectl get virtualmachine VM --namespace NAMESPACE -o yaml: does it request a number of CPUs (without that the "
      "field is refused), and what is blockMultiQueue now?",
      "The same with what stood there in place of true, or with null if nothing did.", words::kNoDataButState);
  if (disk.kind != DiskKind::kVirtioScsi) return {std::move(step)};
  step.where = "KubeVirt, for a disk on the bus virtio";
  return {other_bus("KubeVirt, to the bus virtio",
                    "vqscope knows of no setting for the queues of a disk on the bus scsi. For disks on the bus virtio "
                    "there is one, so that what remains is that bus, and then the queues."),
          std::move(step)};
}

}  // namespace

std::vector<Step> kubevirt_steps(Remedy remedy, const HostDisk& disk) {
  switch (remedy) {
    case Remedy::kMoreQueues: return queues(disk);
    case Remedy::kHostIo:
      if (!is_virtio(disk.kind)) return {{kTitle, words::kNoIoThread, kLook}};
      return {
          field("Give the virtio disks an IOThread: one for all with the policy shared; with dedicatedIOThread: true "
                "at a disk it gets one of its own. (An instancetype can set the policy; then this is refused.)",
                R"("ioThreadsPolicy": "shared")",
                "kubectl get virtualmachine VM --namespace NAMESPACE -o yaml: what is ioThreadsPolicy now?",
                "The same with the policy that stood there, or with null if there was none.", "No data.")};
    case Remedy::kUseVirtio: return {other_bus(kTitle, "Put the disk on the bus virtio.")};
    case Remedy::kDeepenQueue:
      return {{kTitle, "It has no setting for the length of a queue; more queues hold more.", ""}};
    case Remedy::kMoreVectors:
    case Remedy::kIndirectDescriptors:
      return {
          {kTitle, "It leaves this to QEMU, which does it right, unless a sidecar hook changes the domain:", kLook}};
    case Remedy::kFindLimit:
      return {{kTitle, "Look at the storage class of the disk's claim, and at the limits of what provides it:",
               "kubectl get pvc -n NAMESPACE -o wide"}};
    case Remedy::kHostCpu:
      return {{kTitle,
               std::string(words::kCpuLimits) +
                   " Here: resources of the machine, dedicatedCpuPlacement, the load of the node.",
               kLook}};
    default: return {{kTitle, "Is the machine paused, and what do its events and its volumes' claims say?", kLook}};
  }
}

}  // namespace vqscope
