// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "agent/diagnosis/host_remedies.h"

namespace vqscope {

namespace {

constexpr const char* kTitle = "QEMU";
constexpr const char* kOldLine = "Start QEMU with the line that it had.";
constexpr const char* kPlace =
    "PRESENT-OPTIONS stands for all that the line says now (in your script, or in ps -ww); put it there. A line in "
    "JSON takes the same key.";

// One IOThread is enough for most disks; more than four for one disk seldom pay.
constexpr unsigned kMostIoThreads = 4;

// One option more on the -device line that there is.
Step option(std::string text, const std::string& added, const char* risk) {
  return {kTitle, std::move(text), "-device PRESENT-OPTIONS," + added,
          Caution{kPlace, words::kRestart, kOldLine, risk}};
}

// What QEMU's own NVMe controller has unless it is told otherwise (max_ioqpairs and msix_qsize in hw/nvme/ctrl.c): a
// pair of queues for each vector but that of the admin queue.
constexpr unsigned kNvmePairs = 64, kNvmeVectors = kNvmePairs + 1;
constexpr const char* kOwnNvme = " QEMU's own (-device nvme) ";

Step nvme_pairs(const HostDisk& disk, const std::string& before) {
  return option(
      fmt::format("{}offers {} pairs of queues unless max_ioqpairs= says otherwise: {}", before, kNvmePairs,
                  disk.queues > kNvmePairs ? "let it be as many as there are vCPUs." : "take that away, or raise it."),
      fmt::format("max_ioqpairs={}", disk.queues), words::kNoDataButState);
}

Step nvme_vectors(const HostDisk& disk, const std::string& before) {
  return option(
      fmt::format("{}has {} interrupt vectors unless msix_qsize= says otherwise, and the guest's driver takes "
                  "no more queues than it gets vectors for: {}",
                  before, kNvmeVectors,
                  disk.queues >= kNvmeVectors ? "let it be one more than there are vCPUs."
                                              : "take that away, or let it be one more than there are vCPUs."),
      fmt::format("msix_qsize={}", disk.queues + 1), words::kNoDataButState);
}

// More than the one, where the other would still hold.
std::vector<Step> nvme(const HostDisk& disk, bool asks_for_vectors) {
  const std::string before = std::string(words::kNvmeHardware) + kOwnNvme;
  if (!asks_for_vectors && disk.vectors.value_or(kNvmeVectors) > disk.queues) return {nvme_pairs(disk, before)};
  std::vector<Step> steps = {nvme_vectors(disk, before)};
  if (!asks_for_vectors || disk.queues > kNvmePairs) steps.push_back(nvme_pairs(disk, "With that, it "));
  return steps;
}

std::vector<Step> queues(const HostDisk& disk) {
  const bool scsi = disk.kind == DiskKind::kVirtioScsi;
  if (disk.kind == DiskKind::kNvme) return nvme(disk, false);
  std::string text = scsi ? "Add num_queues to the -device line of the virtio-scsi controller; all its disks share the "
                            "queues."
                          : "Add num-queues to the -device line of this disk.";
  // On s390 QEMU gives one queue if nothing is said (virtio_blk_device_realize).
  if (!disk.mmio && !disk.pci)
    return {
        option(text, fmt::format("{}={}", scsi ? "num_queues" : "num-queues", disk.queues), words::kNoDataButState)};
  text += disk.mmio ? words::kMmioQueues
                    : " From machine type 5.2 on a disk gets a queue for each vCPU that the machine is started with, "
                      "if the option is left out: then take it away instead. If the line has vectors=, take that away, "
                      "too, or let it be as many and " +
                          std::string(scsi ? "three" : "one") + " more, or the queues share one interrupt.";
  return {option(text, fmt::format("{}={}", scsi ? "num_queues" : "num-queues", disk.queues), words::kNoDataButState)};
}

std::vector<Step> io(const HostDisk& disk) {
  std::vector<Step> steps = {{kTitle, "Which IOThreads are there, and how is the image opened? On the monitor:",
                              "info iothreads\ninfo block -v\ninfo qtree"}};
  if (is_virtio(disk.kind)) {
    steps.push_back({kTitle,
                     disk.kind == DiskKind::kVirtioScsi
                         ? "Give the virtio-scsi controller an IOThread; it serves all its disks."
                         : "Give the disk an IOThread.",
                     "-object iothread,id=iothread0 \\\n-device PRESENT-OPTIONS,iothread=iothread0",
                     Caution{std::string(kPlace) + " If there is an iothread0, choose another name.", words::kRestart,
                             kOldLine, "No data."}});
    const unsigned threads = std::min(std::max(disk.queues, 2U), kMostIoThreads);
    std::string objects, mapping;
    for (unsigned i = 0; i < threads; ++i) {
      objects += fmt::format("-object iothread,id=iothread{} \\\n", i);
      mapping += fmt::format("{}{{\"iothread\": \"iothread{}\"}}", i == 0 ? "" : ", ", i);
    }
    // iothread-vq-mapping: QEMU 9.0 for virtio-blk (changelog, "Block devices"), 10.0 for virtio-scsi.
    steps.push_back({disk.kind == DiskKind::kVirtioScsi ? "QEMU 10.0 and newer" : "QEMU 9.0 and newer",
                     "Or spread its queues over several IOThreads, in place of iothread=. The line has to be in JSON.",
                     fmt::format("{}-device '{{PRESENT-OPTIONS,\n  \"iothread-vq-mapping\": [{}]}}'", objects, mapping),
                     Caution{kPlace, words::kRestart, kOldLine, "No data."}});
  }
  steps.push_back(
      {kTitle,
       "aio=threads takes a thread of the host for each request; io_uring (host kernel 5.10 or newer, QEMU 5.0 or "
       "newer) and native (only with O_DIRECT, which cache=none sets) do not. O_DIRECT keeps the host's page cache, "
       "and the stalls while it is written back, out of the way.",
       "",
       Caution{"What the image is opened with now, and why. Change one of the two at a time.", words::kRestart,
               kOldLine, words::kCacheRisk}});
  return steps;
}

std::vector<Step> depth(const HostDisk& disk) {
  if (disk.kind == DiskKind::kNvme)
    return {{kTitle, "The length of an NVMe queue is the guest's choice: nvme.io_queue_depth.", ""}};
  // 1024: VIRTQUEUE_MAX_SIZE; 256 since QEMU 5.0, 128 before.
  return {option("Lengthen the ring: 1024 entries is the most, 256 the usual.",
                 disk.kind == DiskKind::kVirtioScsi ? "virtqueue_size=1024" : "queue-size=1024", words::kRingRisk)};
}

std::vector<Step> vectors(const HostDisk& disk) {
  if (disk.mmio)
    return {{kTitle,
             "virtio over MMIO has one interrupt for the whole device, and nothing can be set. On PCI each queue has "
             "its own; to move the disk there changes the machine, so it is a step to plan for itself.",
             ""}};
  if (disk.kind == DiskKind::kNvme) return nvme(disk, true);
  // virtio-blk needs one vector more than queues, for changes of its configuration; virtio-scsi has two queues more.
  const unsigned needed = disk.queues + (disk.kind == DiskKind::kVirtioScsi ? 3 : 1);
  return {option("Leave vectors= out of the -device line, or give it enough in place of what stands there.",
                 fmt::format("vectors={}", needed), words::kNoDataButState)};
}

std::vector<Step> virtio(const HostDisk& disk) {
  const Caution caution = {std::string(words::kMoveCheck) +
                               " PRESENT-OPTIONS stands for the other options of the line (drive=, id=, bootindex=); "
                               "put them there, without what only the old bus knows (bus=, unit=).",
                           words::kRestart, kOldLine, words::kMoveRisk};
  if (disk.kind == DiskKind::kScsi)
    return {{kTitle,
             "In the -device line of the SCSI controller put virtio-scsi-pci in place of its model, and keep its id=. "
             "All its disks move with it.",
             "-device virtio-scsi-pci,PRESENT-OPTIONS", caution}};
  return {{kTitle,
           "In the -device line of the disk put virtio-blk-pci in place of its model (such as ide-hd). A disk that was "
           "given with -hda or if=ide has no such line: there it is if=virtio.",
           "-device virtio-blk-pci,PRESENT-OPTIONS", caution}};
}

}  // namespace

std::vector<Step> qemu_steps(Remedy remedy, const HostDisk& disk) {
  switch (remedy) {
    case Remedy::kMoreQueues: return queues(disk);
    case Remedy::kHostIo: return io(disk);
    case Remedy::kDeepenQueue: return depth(disk);
    case Remedy::kMoreVectors: return vectors(disk);
    case Remedy::kUseVirtio: return virtio(disk);
    case Remedy::kIndirectDescriptors:
      if (!is_virtio(disk.kind)) return {{kTitle, "Only virtio disks have them.", ""}};
      return {option("They are on by default: indirect_desc=off on the -device line switched them off.",
                     "indirect_desc=on", words::kNoDataButState)};
    case Remedy::kFindLimit:
      return {{kTitle, "Look for throttling.* in the -drive or -blockdev, and for a throttle group. On the monitor:",
               "info block"},
              {kTitle,
               "Which thread serves the disk (iothread= and iothread-vq-mapping of its -device; QEMU's main loop if "
               "there is none), and is it busy all the time? The numbers of threads on the monitor, then on the host:",
               "info iothreads\ntop -H -p QEMU-PID"}};
    case Remedy::kHostCpu: return {{kTitle, words::kCpuLimits, ""}};
    default: return {{kTitle, "On the monitor:", "info status\ninfo block\ninfo blockstats"}};
  }
}

}  // namespace vqscope
