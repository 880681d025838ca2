// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/bus_remedies.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "agent/diagnosis/guest_remedies.h"

namespace vqscope {

namespace {

constexpr const char* kBuses =
    "virtio-blk costs the least and takes one PCI slot for each disk; virtio-scsi carries hundreds of disks on one "
    "controller, which share its queues, for a little more CPU time; an NVMe device passed through (vfio-pci) has the "
    "hardware's own queues and interrupts and no hypervisor in between, but the guest can no longer be migrated live, "
    "its memory is pinned, and the device is its alone.";

// What hypervisors without virtio, or with more than it, have in its place.
struct MadeForGuests {
  std::string_view vmm, how, driver;
};
constexpr MadeForGuests kMadeForGuests[] = {
    {"vmware", "Attach the disk to a VMware Paravirtual (PVSCSI) or an NVMe controller.", "vmw_pvscsi|nvme"},
    {"virtualbox", "Attach the disk to a virtio-scsi controller, which VirtualBox has from 6.1 on.", "virtio_scsi"},
    {"bhyve", "Attach the disk as a virtio-blk or an nvme device.", "virtio_blk|nvme"},
};

Step look_for_drivers(std::string_view drivers) {
  return {kGuest, "Is the driver there, and does everything go by UUID? (Fedora, RHEL and SUSE have lsinitrd.)",
          fmt::format("lsinitramfs /boot/initrd.img-$(uname -r) | grep -E '{}'\n"
                      "grep -E '/dev/(sd|hd)' /etc/fstab /etc/crypttab /proc/cmdline",
                      drivers)};
}

Instructions attach_to(std::string summary, std::string_view drivers) {
  summary +=
      " It may change its name: /etc/fstab and the boot loader have to refer to UUIDs, and the initramfs has to "
      "contain "
      "the driver, before it is moved, or the guest may not find its root disk. Nothing on the disk changes, so moving "
      "it back mends that.";
  return {"", std::move(summary), {look_for_drivers(drivers)}};
}

// A parameter of the kernel that keeps a driver from the disk.
Step take_away(const char* what, const char* module, const char* undo) {
  return {
      kGuest, fmt::format("{} {}", what, kAfterBootParameter), "",
      Caution{fmt::format("Why it was set, that the initramfs has {}, and that /etc/fstab and the boot loader go by "
                          "UUID. Keep a copy of the file, and know how to edit an entry of the boot menu.",
                          module),
              "This guest, while it reboots.", undo, words::kMoveRisk}};
}

// piix_ignore_devices_quirk() in drivers/ata/ata_piix.c. A generation 1 machine boots from IDE only: Microsoft,
// "Should I create a generation 1 or 2 virtual machine in Hyper-V?"
Instructions use_storvsc() {
  return {
      "let this guest drive it by hv_storvsc",
      "Let this guest drive the disk by Hyper-V's own driver, hv_storvsc. Hyper-V shows an IDE disk to that driver as "
      "well, and a kernel that was built with it leaves the disk's IDE side alone, unless ata_piix.prefer_ms_hyperv=0 "
      "says otherwise. So the cause is in this guest. The virtual machine stays as it is: one with IDE (generation 1) "
      "does not boot from its SCSI controller.",
      {find_parameter("prefer_ms_hyperv"),
       {kGuest, "Was the kernel built with the driver?", "grep HYPERV_STORAGE= /boot/config-$(uname -r)"},
       look_for_drivers("hv_storvsc"),
       take_away("If the parameter is set, take it, and nothing else, away; a kernel that was built without the driver "
                 "gives way to one of the distribution that has it.",
                 "hv_storvsc", "Put it back; for one boot, add ata_piix.prefer_ms_hyperv=0 in the boot menu.")}};
}

// xen_unplug_emulated_devices() in arch/x86/xen/platform-pci-unplug.c.
Instructions use_blkfront() {
  return {
      "let this guest drive it by xen-blkfront",
      "Let this guest drive the disk by Xen's own driver, xen-blkfront (xvda). Xen shows an emulated disk to that "
      "driver as well, and a kernel that was built with it has the emulated one unplugged when it boots. That it is "
      "still there has its cause in a parameter of this kernel (xen_emul_unplug, xen_nopv, nopv), in a kernel without "
      "the driver, or in a virtual machine without Xen's platform device.",
      {find_parameter("xen_emul_unplug|nopv"),
       {kGuest, "Was the kernel built with the driver, and did it find the platform device?",
        "grep -E 'XEN_(BLKDEV_FRONTEND|PVHVM)=' /boot/config-$(uname -r)\n"
        "dmesg | grep -iE 'platform pci|unplug'"},
       look_for_drivers("xen.blkfront"),
       take_away("If the parameter is set, take it, and nothing else, away; a kernel that was built without the driver "
                 "gives way to one of the distribution that has it.",
                 "xen-blkfront", "Put it back; for one boot, add it in the boot menu."),
       {"Xen",
        "If the guest finds no platform device: take xen_platform_pci=0 out of the domain's configuration (xl.cfg).",
        "",
        Caution{
            "That a backup can be restored, and in the guest that the initramfs has xen-blkfront, and that /etc/fstab "
            "and the boot loader go by UUID. What the configuration says now; keep a copy.",
            words::kRestart, "Put the line back.", words::kMoveRisk}}}};
}

}  // namespace

Instructions use_virtio(const Topology& topology, const Disk& disk, const std::vector<Platform>& platforms,
                        const HostDisk& host_disk) {
  if (topology.vmm == "hyper-v" && disk.transport == "ata") return use_storvsc();
  if (topology.vmm == "xen" && (disk.transport == "ata" || disk.transport == "scsi")) return use_blkfront();
  for (const MadeForGuests& other : kMadeForGuests)
    if (topology.vmm == other.vmm) return attach_to(std::string(other.how), other.driver);
  if (platforms.empty()) {
    Instructions result = attach_to(
        "Ask whether the disk can be attached to a bus that was made for guests: virtio, NVMe, or what this hypervisor "
        "has "
        "in their place.",
        "virtio|nvme");
    result.in_short = "ask for a bus that was made for guests";
    add_host_steps(Remedy::kUseVirtio, platforms, host_disk, result.steps);
    return result;
  }
  Instructions result;
  result.summary = fmt::format(
      "Attach the disk as a virtio disk. {} The disk may change its name: /etc/fstab and the boot loader have to refer "
      "to UUIDs, and the initramfs has to contain virtio_pci and virtio_blk or virtio_scsi, before it is moved.",
      kBuses);
  result.steps.push_back({kGuest,
                          "Are the drivers there (in the initramfs, or =y in the kernel), and does everything go by "
                          "UUID? (Fedora, RHEL and SUSE have lsinitrd.)",
                          "lsinitramfs /boot/initrd.img-$(uname -r) | grep virtio\n"
                          "grep -E 'VIRTIO_(PCI|BLK)=|SCSI_VIRTIO=' /boot/config-$(uname -r)\n"
                          "grep -E '/dev/(sd|hd)' /etc/fstab /etc/crypttab /proc/cmdline"});
  add_host_steps(Remedy::kUseVirtio, platforms, host_disk, result.steps);
  return result;
}

}  // namespace vqscope
