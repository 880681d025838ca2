// SPDX-License-Identifier: Apache-2.0
// Options: qm(1) and qm.conf(5). What qemu-server does with them was read in its src/PVE/QemuServer.pm and
// QemuServer/Drive.pm: queues= and iothread= of a SCSI disk count with virtio-scsi-single only; `qm set` replaces the
// whole string of a disk's options; a deleted disk becomes unusedN, and to delete that destroys its volume.
#include <fmt/format.h>

#include "agent/diagnosis/host_remedies.h"

namespace vqscope {

namespace {

constexpr const char* kTitle = "Proxmox VE";
constexpr const char* kPlace =
    "qm config VMID, and keep a copy. PRESENT-OPTIONS stands for all that follows the colon in the disk's line, volume "
    "included; N for its number.";
constexpr const char* kRestart = "The guest: it counts after qm shutdown VMID and qm start VMID, not after a reboot.";
constexpr const char* kUndo = "The same command with the line that stood there.";
constexpr const char* kReplaced =
    "qm set replaces all options of the disk: one that you do not copy (discard, backup, serial, a limit) is gone.";
constexpr const char* kSingle =
    " With a SCSI disk it counts only where scsihw is virtio-scsi-single; to set that moves all SCSI disks of the "
    "machine.";

// One option more on a disk's line.
Step option(std::string text, DiskKind kind, const std::string& added) {
  const bool scsi = kind == DiskKind::kVirtioScsi;
  return {kTitle, std::move(text), fmt::format("qm set VMID --{}N PRESENT-OPTIONS,{}", scsi ? "scsi" : "virtio", added),
          Caution{scsi ? std::string(kPlace) + kSingle : kPlace, kRestart, kUndo, kReplaced}};
}

// A disk on another bus, of a machine that is shut down. The first line that fails ends it, and the volume is never
// attached twice.
Step other_bus(const char* title, std::string text, const char* guard, const std::string& to) {
  return {
      title, std::move(text),
      fmt::format("qm status VMID | grep -q stopped &&\n{}qm set VMID --delete PRESENT-DISK &&\nqm set VMID --{} &&\n"
                  "qm set VMID --boot order=BOOT-ORDER",
                  guard, to),
      Caution{std::string(words::kMoveCheck) +
                  " qm config VMID, and keep a copy: it has the PRESENT-DISK (such as sata0), its PRESENT-OPTIONS "
                  "(of which the new bus may not know ssd=) and the BOOT-ORDER, where the new name replaces the "
                  "old. N is a number that is free.",
              "The guest: it has to be shut down before, and started with qm start VMID after it.",
              "The same with the names exchanged: off the new bus, back to the old with the old options and order.",
              std::string(words::kMoveRisk) +
                  " Meanwhile the volume stands as unusedN in qm config: to delete that entry destroys the data."}};
}

std::vector<Step> queues(const HostDisk& disk) {
  if (disk.kind == DiskKind::kNvme) return {{kTitle, words::kNvmeHardware, ""}};
  const std::string queues = fmt::format("queues={}", disk.queues);
  if (disk.kind == DiskKind::kVirtioScsi)
    return {option("Set the number of queues of this disk's controller.", disk.kind, queues)};
  return {
      {kTitle,
       "A VirtIO Block disk has no option for its queues: it gets one for each vCPU that the machine is started "
       "with, if its machine version is 5.2 or newer. Does the configuration name an older one, or were vCPUs "
       "added since the start?",
       "qm config VMID\nqm status VMID --verbose"},
      {"Proxmox VE, if vCPUs were added", "Shut it down and start it.", "qm shutdown VMID && qm start VMID",
       Caution{"That nobody needs the guest meanwhile.", "The guest, until it has started.",
               "None needed: nothing of the configuration changes.",
               "No data. Changes that were set and are pending (qm pending VMID) take effect with it."}},
      {"Proxmox VE, if the machine version is older",
       "Raise it to 5.2 of the same family, and no further than is needed.", "qm set VMID --machine MACHINE-VERSION",
       Caution{"What machine: says in qm config VMID, and that a backup can be restored.", kRestart,
               "The same command with the old version.",
               "No data, but the guest sees other hardware: network interfaces may get other names, and Windows "
               "may want to be activated again."}},
      other_bus(
          "Proxmox VE, as a SCSI disk",
          "Here the number of queues can be set. It counts only where scsihw is virtio-scsi-single. To set that is "
          "a step before, and if the machine has SCSI disks, they all move with it.",
          "qm config VMID | grep -qx 'scsihw: virtio-scsi-single' &&\n", "scsiN PRESENT-OPTIONS," + queues)};
}

std::vector<Step> virtio(const HostDisk& disk) {
  if (disk.kind == DiskKind::kScsi)
    return {{kTitle,
             "The model of the SCSI controller is scsihw, and it is that of all SCSI disks of the machine: they all "
             "move.",
             "qm set VMID --scsihw virtio-scsi-single",
             Caution{std::string(words::kMoveCheck) + " What scsihw is in qm config VMID now; no line stands for lsi.",
                     kRestart, "qm set VMID --scsihw with the old model.", words::kMoveRisk}}};
  return {other_bus(kTitle, "Take the disk off the emulated bus and attach it as a VirtIO disk.", "",
                    "virtioN PRESENT-OPTIONS")};
}

}  // namespace

std::vector<Step> proxmox_steps(Remedy remedy, const HostDisk& disk) {
  switch (remedy) {
    case Remedy::kMoreQueues: return queues(disk);
    case Remedy::kHostIo:
      if (!is_virtio(disk.kind)) return {{kTitle, words::kNoIoThread, "qm config VMID"}};
      return {option("Give the disk an IOThread.", disk.kind, "iothread=1"),
              {kTitle,
               "aio=threads takes a thread of the host for each request; io_uring, the default on most storages, and "
               "native do not. The cache mode decides whether the host's page cache is in between.",
               "qm config VMID"}};
    case Remedy::kUseVirtio: return virtio(disk);
    case Remedy::kDeepenQueue:
      return {{kTitle, "It has no setting for the length of a queue; more queues hold more.", ""}};
    case Remedy::kMoreVectors:
    case Remedy::kIndirectDescriptors:
      return {{kTitle, "It leaves this to QEMU, which does it right, unless args: in the configuration says otherwise:",
               "qm config VMID"}};
    case Remedy::kFindLimit:
      return {{kTitle, "Look for iops, iops_rd, iops_wr, mbps, mbps_rd, mbps_wr and iothread in the disk's line:",
               "qm config VMID"},
              {kTitle,
               "Is the thread that serves the disk busy all the time (its IOThread, or QEMU's main loop)? On the node:",
               "top -H -p $(cat /var/run/qemu-server/VMID.pid)"}};
    case Remedy::kHostCpu:
      return {{kTitle, std::string(words::kCpuLimits) + " Here: cpulimit, cpuunits, affinity.", "qm config VMID"},
              {kTitle, "Tie the machine to host CPUs that nothing else uses (Proxmox VE 7.3 or newer).",
               "qm set VMID --affinity HOST-CPUS",
               Caution{"What affinity is in qm config VMID now, and which host CPUs are free.", kRestart,
                       "The same with the old CPUs, or qm set VMID --delete affinity if there were none.",
                       "Speed, if something else uses those CPUs. No data."}}};
    default:
      return {{kTitle, "Is the machine in io-error, and does its storage answer?",
               "qm status VMID --verbose\npvesm status"}};
  }
}

}  // namespace vqscope
