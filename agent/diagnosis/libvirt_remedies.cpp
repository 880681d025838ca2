// SPDX-License-Identifier: Apache-2.0
// Elements and attributes: libvirt's "Domain XML format", sections "Hard drives", "Controllers" and "IOThreads
// Allocation".
#include <fmt/format.h>

#include "agent/diagnosis/host_remedies.h"

namespace vqscope {

namespace {

constexpr const char* kTitle = "libvirt";
constexpr const char* kUndo = "virsh edit DOMAIN again, and put back what you wrote down.";
constexpr const char* kPlace =
    "virsh dumpxml DOMAIN, and keep a copy. PRESENT-ATTRIBUTES stands for those that the element has now; put them "
    "there.";

constexpr const char* kController = "the <driver> of the SCSI controller (add one if it has none)";
constexpr const char* kDisk = "the <driver> of this disk";

// One attribute more in an element that there is.
Step attribute(std::string text, const std::string& added, const char* risk) {
  return {kTitle, std::move(text), fmt::format("<driver PRESENT-ATTRIBUTES {}/>", added),
          Caution{kPlace, words::kRestart, kUndo, risk}};
}

std::vector<Step> queues(const HostDisk& disk) {
  if (disk.kind == DiskKind::kNvme)
    return {{kTitle,
             std::string(words::kNvmeHardware) +
                 " For one that QEMU emulates, see --platform=qemu: max_ioqpairs and msix_qsize.",
             ""}};
  const bool scsi = disk.kind == DiskKind::kVirtioScsi;
  return {attribute(
      fmt::format("virsh edit DOMAIN: add the attribute queues to {}, and leave everything else as it is.{}{}",
                  scsi ? kController : kDisk, scsi ? " All its disks share the queues." : "",
                  disk.mmio ? words::kMmioQueues : ""),
      fmt::format("queues='{}'", disk.queues), words::kNoDataButState)};
}

std::vector<Step> io(const HostDisk& disk) {
  std::vector<Step> steps = {{kTitle, "Which IOThreads are there, and how are the images opened?",
                              "virsh iothreadinfo DOMAIN\nvirsh dumpxml DOMAIN | grep -E '<driver|iothread'"}};
  if (is_virtio(disk.kind)) {
    const char* where = disk.kind == DiskKind::kVirtioScsi ? kController : kDisk;
    steps.push_back({kTitle, "If there is no IOThread yet, add one, with a number that is free:",
                     "virsh iothreadadd DOMAIN IOTHREAD-ID --config",
                     Caution{"The numbers that virsh iothreadinfo DOMAIN shows.", "Nothing.",
                             "virsh iothreaddel DOMAIN IOTHREAD-ID --config", "No data."}});
    steps.push_back(
        attribute(fmt::format("virsh edit DOMAIN: name it in {}.", where), "iothread='IOTHREAD-ID'", "No data."));
    steps.push_back(
        {disk.kind == DiskKind::kVirtioScsi ? "libvirt 11.2 with QEMU 10.0 and newer"
                                            : "libvirt 10.0 with QEMU 9.0 and newer",
         fmt::format("Or spread its queues over several, inside {}, in place of the attribute iothread.", where),
         "<iothreads>\n  <iothread id='IOTHREAD-ID'/>\n  <iothread id='IOTHREAD-ID'/>\n</iothreads>",
         Caution{"virsh dumpxml DOMAIN, and keep a copy. The IOThreads have to be there.", words::kRestart, kUndo,
                 "No data."}});
  }
  steps.push_back(
      {kTitle,
       "The attribute io of the disk's <driver>: threads takes a thread of the host for each request, io_uring (host "
       "kernel 5.10 or newer, libvirt 6.3 or newer) and native (only with O_DIRECT, which cache='none' sets) do not. "
       "O_DIRECT keeps the host's page cache, and the stalls while it is written back, out of the way.",
       "",
       Caution{"What the attributes are now, and why. Change one of the two at a time.", words::kRestart, kUndo,
               words::kCacheRisk}});
  return steps;
}

std::vector<Step> virtio(const HostDisk& disk) {
  const std::string check = std::string(words::kMoveCheck) + " virsh dumpxml DOMAIN, and keep a copy.";
  if (disk.kind == DiskKind::kScsi)
    return {{kTitle,
             "virsh edit DOMAIN: in the SCSI controller put virtio-scsi in place of its model. All its disks move with "
             "it.",
             "<controller PRESENT-ATTRIBUTES model='virtio-scsi'/>",
             Caution{check + " PRESENT-ATTRIBUTES stands for its other attributes; keep what is inside of it, too.",
                     words::kRestart, kUndo, words::kMoveRisk}}};
  return {{kTitle,
           "virsh edit DOMAIN: in the disk's <target> put virtio in place of the bus, and take out the disk's "
           "<address>, which is one of the old bus; libvirt finds a new one.",
           "<target dev='PRESENT-NAME' bus='virtio'/>",
           Caution{check + " PRESENT-NAME is what dev says now.", words::kRestart, kUndo, words::kMoveRisk}}};
}

}  // namespace

std::vector<Step> libvirt_steps(Remedy remedy, const HostDisk& disk) {
  switch (remedy) {
    case Remedy::kMoreQueues: return queues(disk);
    case Remedy::kHostIo: return io(disk);
    case Remedy::kDeepenQueue:
      if (disk.kind != DiskKind::kVirtioBlk)
        return {{kTitle, "It can set the length of a queue for virtio-blk disks only; more queues hold more.", ""}};
      return {
          attribute("virsh edit DOMAIN (libvirt 7.8 or newer): lengthen the ring in the <driver> of this disk. 1024 "
                    "entries is the most, 256 the usual.",
                    "queue_size='1024'", words::kRingRisk)};
    case Remedy::kUseVirtio: return virtio(disk);
    case Remedy::kMoreVectors:
      return {{kTitle,
               disk.mmio ? "virtio over MMIO has one interrupt for the whole device, and nothing can be set."
                         : "It prepares enough vectors unless something is passed to QEMU past it:",
               disk.mmio ? "" : "virsh dumpxml DOMAIN | grep -iE 'qemu:|vectors'"}};
    case Remedy::kIndirectDescriptors:
      return {{kTitle, "They are on unless something is passed to QEMU past libvirt:",
               "virsh dumpxml DOMAIN | grep -iE 'qemu:|indirect'"}};
    case Remedy::kFindLimit:
      return {
          {kTitle,
           "Look for <iotune> of the disk, <blkiotune> of the domain, and which thread serves the disk (iothread or "
           "<iothreads> of its <driver>; QEMU's main loop if there is none):",
           "virsh dumpxml DOMAIN\nvirsh iothreadinfo DOMAIN"},
          {kTitle, "On the host: is that thread busy all the time?", "top -H -p QEMU-PID"}};
    case Remedy::kHostCpu:
      return {
          {kTitle, words::kCpuLimits,
           "virsh schedinfo DOMAIN\nvirsh vcpupin DOMAIN\nvirsh emulatorpin DOMAIN\nvirsh iothreadinfo DOMAIN"},
          {kTitle, "Give each vCPU host CPUs that nothing else uses.", "virsh vcpupin DOMAIN VCPU HOST-CPUS --config",
           Caution{"What virsh vcpupin DOMAIN shows now, and which host CPUs are free.",
                   "Nothing; it counts from the next start on.", "The same with the old CPUs.",
                   "Speed, if something else uses those CPUs. No data."}}};
    default:
      return {{kTitle, "Is the domain paused on an error, and has its storage answered?",
               "virsh domstate DOMAIN --reason\nvirsh domblkerror DOMAIN\nvirsh domstats --block DOMAIN"}};
  }
}

}  // namespace vqscope
