// SPDX-License-Identifier: Apache-2.0
// Firecracker: its API description (src/firecracker/swagger/firecracker.yaml, Drive) and docs/api_requests:
// block-io-engine.md, block-caching.md. Cloud Hypervisor: vmm/src/config.rs, which refuses more queues than vCPUs.
#include <fmt/format.h>

#include "agent/diagnosis/host_remedies.h"

namespace vqscope {

namespace {

constexpr const char* kFirecracker = "Firecracker";
constexpr const char* kCloudHypervisor = "Cloud Hypervisor";

Step key(std::string text, const std::string& added, const char* risk) {
  return {kCloudHypervisor, std::move(text), "--disk PRESENT-OPTIONS," + added,
          Caution{"PRESENT-OPTIONS stands for all that --disk says of this disk now; put it there. In a "
                  "configuration in JSON it is the same key of the same disk.",
                  words::kRestart, "Start it with what --disk said before.", risk}};
}

}  // namespace

std::vector<Step> firecracker_steps(Remedy remedy, const HostDisk& disk) {
  const auto say = [](const char* text) { return std::vector<Step>{{kFirecracker, text, ""}}; };
  switch (remedy) {
    case Remedy::kMoreQueues:
      return {{kFirecracker,
               fmt::format("Nothing can be mended here: every drive has one queue, and one thread serves all drives, "
                           "unless your version offers num_queues for a drive, which an open change adds ({} would be "
                           "right). Several drives, striped in the guest, would be several queues on the same thread. "
                           "A guest that needs more belongs on QEMU or Cloud Hypervisor.",
                           disk.queues),
               ""}};
    case Remedy::kHostIo:
      return {
          {kFirecracker, "Does a rate limiter hold the drive back? Look for rate_limiter in its configuration:",
           "curl --unix-socket API-SOCKET http://localhost/vm/config"},
          {kFirecracker,
           "With the engine Async (io_uring) the thread that serves the drives does not wait for the storage. Add the "
           "one field to the drive's configuration that you have, in the file or in PUT /drives.",
           "{PRESENT-FIELDS, \"io_engine\": \"Async\"}",
           Caution{"That the host's kernel is 5.10.51 or newer, and that you want what Firecracker calls a developer "
                   "preview. Keep all other fields: PUT replaces the drive's configuration, and one that is left out "
                   "takes its default. For cache_type that means that flushes of the guest are ignored.",
                   "The guest: drives are configured before the boot of a microVM, which has to be started anew.",
                   "Take the field away.",
                   "Without the other fields, what the guest believed to be written, when the "
                   "host crashes. With them, no data."}}};
    case Remedy::kDeepenQueue: return say("The length of the queue is fixed at 256 ring entries.");
    case Remedy::kMoreVectors: return say("A drive has one queue and one interrupt; nothing can be set.");
    case Remedy::kIndirectDescriptors: return say("Firecracker does not offer them; nothing can be set.");
    case Remedy::kUseVirtio: return say("It has no other disks than virtio.");
    case Remedy::kFindLimit:
      return {{kFirecracker, "Look for rate_limiter in the drive's configuration:",
               "curl --unix-socket API-SOCKET http://localhost/vm/config"}};
    case Remedy::kHostCpu: return say(words::kCpuLimits);
    default:
      return say("Look at Firecracker's log and metrics, the host's kernel log and the storage behind the drive.");
  }
}

std::vector<Step> cloud_hypervisor_steps(Remedy remedy, const HostDisk& disk) {
  const auto say = [](const char* text) { return std::vector<Step>{{kCloudHypervisor, text, ""}}; };
  switch (remedy) {
    case Remedy::kMoreQueues:
      if (disk.kind == DiskKind::kNvme) return say(words::kNvmeHardware);
      return {
          key("Add the key num_queues to what --disk says of this disk; the default is 1, and the vCPUs at boot are "
              "the most. Each queue gets a thread of its own.",
              fmt::format("num_queues={}", disk.queues), words::kNoDataButState)};
    case Remedy::kHostIo:
      return say(
          "Each queue has a thread of its own, and io_uring is used where the host's kernel has it, so there is "
          "nothing to set up. Limits can come from bw_... and ops_... of --disk, or from a rate limit group.");
    case Remedy::kDeepenQueue:
      if (disk.kind == DiskKind::kNvme) return say(words::kNvmeHardware);
      return {key("Lengthen the ring (a power of two; the default is 128).", "queue_size=1024", words::kRingRisk)};
    case Remedy::kMoreVectors: return say("It prepares a vector for each queue; nothing can be set.");
    case Remedy::kIndirectDescriptors: return say("Newer versions offer them; nothing can be set.");
    case Remedy::kUseVirtio: return say("It has no other disks than virtio.");
    case Remedy::kFindLimit: return say("Look for bw_... and ops_... of --disk, and for a rate limit group.");
    case Remedy::kHostCpu: return say(words::kCpuLimits);
    default: return say("Look at its log, the host's kernel log and the storage behind the disk.");
  }
}

}  // namespace vqscope
