// SPDX-License-Identifier: Apache-2.0
// The remedies that are carried out in this guest. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/diagnosis/remedies.h"

namespace vqscope {

// Step::where
inline constexpr const char* kGuest = "In this guest";
inline constexpr const char* kMachine = "On this machine";  // in its place, on one that is no guest

// What makes a changed kernel command line or modprobe.d count.
inline constexpr const char* kAfterBootParameter =
    "After a change of /etc/default/grub: update-grub (Debian, Ubuntu), grub2-mkconfig -o /boot/grub2/grub.cfg (SUSE) "
    "or "
    "grub-mkconfig -o /boot/grub/grub.cfg (Arch); on Fedora and RHEL grubby --update-kernel=ALL with --args= or "
    "--remove-args= makes the change itself. After one of /etc/kernel/cmdline: kernel-install, or sdbootutil "
    "update-all-entries (SUSE). "
    "After one of modprobe.d: update-initramfs -u, dracut -f or mkinitcpio -P (Arch). Then reboot.";
// Where a module parameter may be set; `names` is an extended regular expression.
Step find_parameter(std::string_view names);

// The disk's name in sysfs as an interactive shell takes it: an exclamation mark would call up a command of its
// history.
std::string shell_name(const Disk& disk);
// A file of queue/, likewise.
std::string queue_attribute(const Disk& disk, std::string_view name);

// `queues`: that the disk should have.
// `host_is_told`: what the host offers stands beside it.
Instructions lift_guest_limit(const Disk& disk, unsigned queues, bool host_is_told);
// Why a disk has no message interrupts, or not all: pci=nomsi, this guest by something else, or one of both sides.
enum class WithoutMsi { kSwitchedOff, kUnused, kNotKnown };
Instructions use_msi(const Disk& disk, WithoutMsi why);
// As lift_guest_limit(), of a disk whose queues would share a wire for want of MSI.
Instructions lift_guest_limit_and_use_msi(const Disk& disk, unsigned queues, bool host_is_told);
// A SCSI disk's depth for all of its queues together.
Instructions deepen_lun(const Disk& disk);
Instructions spread_interrupts(const Disk& disk);
Instructions match_queues(const Disk& disk);
std::vector<Step> drop_elevator(const Disk& disk);
Instructions spare_elevator_lock(const Disk& disk);
Instructions guest_queueing(const Disk& disk);
Instructions move_submitter();

}  // namespace vqscope
