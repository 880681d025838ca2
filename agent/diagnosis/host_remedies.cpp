// SPDX-License-Identifier: Apache-2.0
// tests/deploy/remedies_test.py gives QEMU's command lines to QEMU and libvirt's XML to its schema.
#include <fmt/format.h>

#include <algorithm>

#include "agent/diagnosis/remedies.h"

namespace vqscope {

namespace {

enum class Kind { kVirtioBlk, kVirtioScsi, kNvme };

Kind kind_of(const Disk& disk) {
  if (disk.driver == "nvme") return Kind::kNvme;
  return disk.virtio && disk.virtio->first_request_queue > 0 ? Kind::kVirtioScsi : Kind::kVirtioBlk;
}

// One IOThread is enough for most disks; more than four for one disk seldom pay.
constexpr unsigned kMostIoThreads = 4;

constexpr const char* kDrive = "-drive file=/path/to/disk.img,if=none,id=disk0,format=raw,cache=none,aio=io_uring";

std::vector<Step> qemu_queues(Kind kind, unsigned queues, const std::string& more = {}) {
  const std::string title(title_of(Platform::kQemu));
  if (kind == Kind::kNvme)
    return {{title, "", fmt::format("{} \\\n-device nvme,drive=disk0,serial=disk0,max_ioqpairs={}", kDrive, queues)}};
  if (kind == Kind::kVirtioScsi)
    return {{title, "All disks of a controller share its queues; a busy disk deserves a controller of its own.",
             fmt::format("-object iothread,id=iothread0 \\\n"
                         "-device virtio-scsi-pci,id=scsi0,num_queues={}{},iothread=iothread0 \\\n{} \\\n"
                         "-device scsi-hd,drive=disk0,bus=scsi0.0",
                         queues, more, kDrive)}};
  const unsigned threads = std::min(queues, kMostIoThreads);
  std::string objects, mapping;
  for (unsigned i = 0; i < threads; ++i) {
    objects += fmt::format("-object iothread,id=iothread{} \\\n", i);
    mapping += fmt::format("{}{{\"iothread\":\"iothread{}\"}}", i == 0 ? "" : ",", i);
  }
  std::vector<Step> steps = {
      {title,
       "Machine types from 5.2 on give a virtio disk a queue for each vCPU by themselves when num-queues is left out; "
       "older ones, and many definitions that carry the number along, give one.",
       fmt::format("-object iothread,id=iothread0 \\\n{} \\\n"
                   "-device virtio-blk-pci,drive=disk0,num-queues={}{},iothread=iothread0",
                   kDrive, queues, more)}};
  if (queues > 1 && more.empty())
    steps.push_back({"QEMU 9.0 and newer", "The queues can be spread over several IOThreads.",
                     fmt::format("{}{} \\\n-device '{{\"driver\":\"virtio-blk-pci\",\"drive\":\"disk0\","
                                 "\"num-queues\":{},\n  \"iothread-vq-mapping\":[{}]}}'",
                                 objects, kDrive, queues, mapping)});
  return steps;
}

std::vector<Step> libvirt_queues(Kind kind, unsigned queues, const std::string& more = {}) {
  const std::string title(title_of(Platform::kLibvirt));
  const std::string edit = "With virsh edit DOMAIN; keep your own <source>. Then shut the domain down and start it.";
  if (kind == Kind::kNvme)
    return {{title,
             "libvirt has no emulated NVMe disk; this one was added past it (qemu:commandline), where max_ioqpairs "
             "sets its queues.",
             ""}};
  if (kind == Kind::kVirtioScsi)
    return {{title, edit + " All disks of a controller share its queues.",
             fmt::format("<iothreads>1</iothreads>\n"
                         "<controller type='scsi' index='0' model='virtio-scsi'>\n"
                         "  <driver queues='{}'{} iothread='1'/>\n"
                         "</controller>\n"
                         "<disk type='file' device='disk'>\n"
                         "  <driver name='qemu' type='raw' cache='none' io='io_uring' discard='unmap'/>\n"
                         "  <source file='/path/to/disk.img'/>\n"
                         "  <target dev='sda' bus='scsi'/>\n"
                         "</disk>",
                         queues, more)}};
  const unsigned threads = std::min(queues, kMostIoThreads);
  std::string mapping;
  for (unsigned thread = 1; thread <= threads; ++thread) mapping += fmt::format("      <iothread id='{}'/>\n", thread);
  std::vector<Step> steps = {{title, edit,
                              fmt::format("<iothreads>1</iothreads>\n"
                                          "<disk type='file' device='disk'>\n"
                                          "  <driver name='qemu' type='raw' cache='none' io='io_uring' queues='{}'{} "
                                          "iothread='1'/>\n"
                                          "  <source file='/path/to/disk.img'/>\n"
                                          "  <target dev='vda' bus='virtio'/>\n"
                                          "</disk>",
                                          queues, more)}};
  if (queues > 1 && more.empty())
    steps.push_back({"libvirt 10.0 with QEMU 9.0 and newer", "The queues can be spread over several IOThreads.",
                     fmt::format("<iothreads>{}</iothreads>\n"
                                 "<disk type='file' device='disk'>\n"
                                 "  <driver name='qemu' type='raw' cache='none' io='io_uring' queues='{}'>\n"
                                 "    <iothreads>\n{}    </iothreads>\n"
                                 "  </driver>\n"
                                 "  <source file='/path/to/disk.img'/>\n"
                                 "  <target dev='vda' bus='virtio'/>\n"
                                 "</disk>",
                                 threads, queues, mapping)});
  return steps;
}

constexpr const char* kProxmoxScsi =
    "qm set VMID --scsihw virtio-scsi-single\n"
    "qm set VMID --scsi0 STORAGE:vm-VMID-disk-0,iothread=1,aio=io_uring,cache=none,queues={}\n"
    "qm shutdown VMID && qm start VMID";

std::vector<Step> proxmox_queues(Kind kind, unsigned queues) {
  const std::string title(title_of(Platform::kProxmox));
  const std::string take = "Take the volume's name from qm config VMID. A reboot from inside the guest is not enough.";
  if (kind == Kind::kNvme)
    return {{title, "Proxmox VE offers no emulated NVMe disk; attach the volume as SCSI. " + take,
             fmt::format(kProxmoxScsi, queues)}};
  if (kind == Kind::kVirtioScsi)
    return {{title,
             "virtio-scsi-single gives each disk its own controller and, with iothread=1, its own thread. " + take,
             fmt::format(kProxmoxScsi, queues)}};
  return {
      {title,
       "A VirtIO Block disk has no option for its queues: it gets one for each vCPU if the machine version is 5.2 or "
       "newer. If qm config VMID shows an older one (such as pc-q35-5.1), set the type without a version (q35, or "
       "pc for i440fx). " +
           take,
       "qm set VMID --machine q35\n"
       "qm set VMID --virtio0 STORAGE:vm-VMID-disk-0,iothread=1,aio=io_uring,cache=none\n"
       "qm shutdown VMID && qm start VMID"},
      {"Proxmox VE, as a SCSI disk", "Here the number of queues can be set. The disk becomes /dev/sda.",
       fmt::format(kProxmoxScsi, queues)}};
}

std::vector<Step> ovirt_queues(Kind kind, unsigned queues) {
  return {{std::string(title_of(Platform::kOvirt)),
           fmt::format("{}Edit the virtual machine, Resource Allocation: set VirtIO-SCSI Multi Queues to {} and enable "
                       "I/O Threads; then shut it down and run it. The same through the API:",
                       kind == Kind::kVirtioScsi
                           ? ""
                           : "Only VirtIO-SCSI disks have a setting for queues; change the disk's interface to it. ",
                       queues),
           fmt::format("curl -u USER@internal -X PUT -H 'Content-Type: application/xml' \\\n"
                       "  -d '<vm><virtio_scsi_multi_queues>{}</virtio_scsi_multi_queues>"
                       "<io><threads>1</threads></io></vm>' \\\n"
                       "  https://ENGINE/ovirt-engine/api/vms/VM-ID",
                       queues)}};
}

std::vector<Step> firecracker_queues() {
  return {
      {std::string(title_of(Platform::kFirecracker)),
       "Firecracker gives every drive one queue and serves all drives from one thread; it has no setting for either. "
       "What can be done: io_engine Async (io_uring, host kernel 5.10.51 or newer) keeps that thread from waiting "
       "for the disk; several drives, striped with LVM or md in the guest, give the guest several queues and "
       "interrupts (not the host more threads); a guest that needs more belongs on QEMU or Cloud Hypervisor.",
       "PUT /drives/DRIVE-ID\n"
       "{\"drive_id\": \"DRIVE-ID\", \"path_on_host\": \"/path/to/disk.img\", \"is_root_device\": false,\n"
       " \"is_read_only\": false, \"cache_type\": \"Unsafe\", \"io_engine\": \"Async\"}"}};
}

std::vector<Step> cloud_hypervisor_queues(unsigned queues, unsigned depth) {
  return {
      {std::string(title_of(Platform::kCloudHypervisor)),
       "Each queue gets a thread of its own, so there are no IOThreads to set up; io_uring is used where the host's "
       "kernel has it. The default is one queue.",
       fmt::format("--disk path=/path/to/disk.img,direct=on,num_queues={},queue_size={}", queues, depth)}};
}

}  // namespace

std::vector<Step> queues_step(Platform platform, const Disk& disk, unsigned queues) {
  const Kind kind = kind_of(disk);
  switch (platform) {
    case Platform::kQemu: return qemu_queues(kind, queues);
    case Platform::kLibvirt: return libvirt_queues(kind, queues);
    case Platform::kProxmox: return proxmox_queues(kind, queues);
    case Platform::kOvirt: return ovirt_queues(kind, queues);
    case Platform::kFirecracker: return firecracker_queues();
    case Platform::kCloudHypervisor: break;
  }
  return cloud_hypervisor_queues(queues, 256);
}

std::vector<Step> depth_step(Platform platform, const Disk& disk, unsigned queues) {
  const Kind kind = kind_of(disk);
  const std::string title(title_of(platform));
  switch (platform) {
    case Platform::kQemu:
      if (kind == Kind::kNvme) return {};
      return qemu_queues(kind, queues, kind == Kind::kVirtioScsi ? ",virtqueue_size=1024" : ",queue-size=1024");
    case Platform::kLibvirt:
      if (kind == Kind::kNvme) return {};
      return libvirt_queues(kind, queues, kind == Kind::kVirtioScsi ? " virtqueue_size='1024'" : " queue_size='1024'");
    case Platform::kProxmox:
      return {{title, "It has no setting for the length of a queue; more queues hold more.", ""}};
    case Platform::kOvirt: return {{title, "It has no setting for the length of a queue; more queues hold more.", ""}};
    case Platform::kFirecracker: return {{title, "The length of the queue is fixed at 256 ring entries.", ""}};
    case Platform::kCloudHypervisor: break;
  }
  return cloud_hypervisor_queues(queues, 1024);
}

std::vector<Step> virtio_step(Platform platform, unsigned queues) {
  if (platform == Platform::kFirecracker) return {};  // it has nothing but virtio
  return queues_step(platform, {}, queues);
}

std::vector<Step> vectors_step(Platform platform, const Disk& disk, unsigned queues) {
  const std::string title(title_of(platform));
  if (platform != Platform::kQemu)
    return {{title,
             "It prepares enough vectors by itself unless told otherwise (virtio over MMIO has one interrupt for all, "
             "and has to become virtio over PCI). Look for an override in the machine's definition.",
             ""}};
  // For virtio-blk a vector for each queue and one for configuration changes; virtio-scsi has two more queues.
  return {{title, "Leave vectors= out, or give it enough; a microvm with MMIO devices has one interrupt for all.",
           kind_of(disk) == Kind::kVirtioScsi
               ? fmt::format("-device virtio-scsi-pci,id=scsi0,num_queues={},vectors={}", queues, queues + 3)
               : fmt::format("{} \\\n-device virtio-blk-pci,drive=disk0,num-queues={},vectors={}", kDrive, queues,
                             queues + 1)}};
}

std::vector<Step> indirect_step(Platform platform) {
  const std::string title(title_of(platform));
  switch (platform) {
    case Platform::kQemu:
      return {{title, "They are on by default; take indirect_desc=off away, or say",
               fmt::format("{} \\\n-device virtio-blk-pci,drive=disk0,indirect_desc=on", kDrive)}};
    case Platform::kFirecracker: return {{title, "Firecracker does not offer them; nothing can be set.", ""}};
    case Platform::kCloudHypervisor: return {{title, "Newer versions offer them; nothing can be set.", ""}};
    default: return {{title, "They are on by default; look for indirect_desc=off in the machine's definition.", ""}};
  }
}

std::vector<Step> hang_step(Platform platform) {
  const std::string title(title_of(platform));
  switch (platform) {
    case Platform::kLibvirt:
      return {{title, "Is the domain paused on an error, and has its storage answered?",
               "virsh domstate --reason DOMAIN\nvirsh domblkerror DOMAIN\nvirsh domstats --block DOMAIN"}};
    case Platform::kProxmox:
      return {{title, "Is the machine in io-error, and does its storage answer?",
               "qm status VMID --verbose\npvesm status"}};
    case Platform::kQemu: return {{title, "On the monitor:", "info status\ninfo block\ninfo blockstats"}};
    default: return {{title, "Look at the host's kernel log and the storage behind the disk.", ""}};
  }
}

std::vector<Step> cpu_step(Platform platform) {
  const std::string title(title_of(platform));
  switch (platform) {
    case Platform::kLibvirt:
      return {{title, "Give the vCPUs host CPUs of their own, and lift quotas.",
               "virsh schedinfo DOMAIN\nvirsh vcpupin DOMAIN 0 2 --live --config\nvirsh emulatorpin DOMAIN 0-1 --live "
               "--config"}};
    case Platform::kProxmox:
      return {{title, "Lift the limit, or tie the machine to host CPUs that nothing else uses.",
               "qm set VMID --cpulimit 0\nqm set VMID --affinity 2-5"}};
    default: return {{title, "Look at the host's load and at quotas (cgroup cpu.max) of the machine's process.", ""}};
  }
}

}  // namespace vqscope
