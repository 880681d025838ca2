// SPDX-License-Identifier: Apache-2.0
#include "agent/diagnosis/guest_remedies.h"

#include <fmt/format.h>

#include "agent/diagnosis/disk_kind.h"
#include "agent/topology/parse.h"

namespace vqscope {

namespace {

Caution boot_caution() {
  return {"Why it was set. Keep a copy of the file, and know how to choose an older entry in the boot menu.",
          "This guest, while it reboots.", "Put the copy back, run the same command, and reboot.",
          "A boot configuration that was damaged on the way does not boot; the older entry does."};
}

// Xen's driver takes few queues unless it is told otherwise.
Instructions raise_xen_limit(unsigned queues) {
  Caution caution = boot_caution();
  caution.check_first =
      "What it is now: cat /sys/module/xen_blkfront/parameters/max_queues; and, if somebody has set it, why. Keep a "
      "copy "
      "of the file, and know how to choose an older entry in the boot menu.";
  return {
      "",
      "Let Xen's disk driver in this guest take more queues, and start this guest anew. The host may have a limit, "
      "too, which does not show here.",
      {find_parameter("xen_blkfront.max_queues|xen_blkfront +max_queues"),
       {kGuest,
        fmt::format("Add xen_blkfront.max_queues={} to the kernel command line, in /etc/default/grub or where it was "
                    "found. {}",
                    queues, kAfterBootParameter),
        "", std::move(caution)}}};
}

}  // namespace

Step find_parameter(std::string_view names) {
  return {kGuest, "Find where it is set:",
          fmt::format("grep -rsE '{0}' /proc/cmdline /etc/default/grub /etc/default/grub.d\n"
                      "grep -rsE '{0}' /etc/kernel/cmdline /boot/loader/entries\n"
                      "grep -rsE '{0}' /etc/modprobe.d /usr/lib/modprobe.d",
                      names)};
}

std::string shell_name(const Disk& disk) {
  const std::string name = sysfs_name(disk.name);
  return name.find('!') == std::string::npos ? name : "'" + name + "'";
}

std::string queue_attribute(const Disk& disk, std::string_view name) {
  return fmt::format("/sys/block/{}/queue/{}", shell_name(disk), name);
}

Instructions lift_guest_limit(const Disk& disk, unsigned queues, bool host_is_told) {
  if (disk.transport == "xen") return raise_xen_limit(queues);
  // Elsewhere it was read, or the queues are there and only shared out.
  const bool may_be_host = !host_is_told && disk.driver == "virtio_blk" && !disk.facts.msix_vectors &&
                           interrupt_queues(disk) == disk.queues.size();
  return {
      "",
      fmt::format(
          "Take the module parameter that the finding names away and start this guest anew.{}",
          may_be_host ? " If the host offers no more queues, which could not be read, that alone brings none." : ""),
      {find_parameter("num_request_queues|poll_queues|write_queues"),
       {kGuest,
        fmt::format(
            "On the kernel command line: take it, and nothing else, out of the file that was found. In a file of "
            "modprobe.d: take this parameter, and no other, out of its line. {}",
            kAfterBootParameter),
        "", boot_caution()}}};
}

Instructions use_msi(const Disk& disk, WithoutMsi why) {
  std::string in_short, summary;
  switch (why) {
    case WithoutMsi::kSwitchedOff:
      in_short = "take pci=nomsi off the command line, and reboot";
      summary = fmt::format("Take pci=nomsi off the kernel command line, so that {} gets message interrupts (MSI-X).",
                            disk.name);
      break;
    case WithoutMsi::kUnused:
      summary = fmt::format("Find out why this guest does not use all message interrupts (MSI-X) of {}, and let it.",
                            disk.name);
      break;
    case WithoutMsi::kNotKnown:
      in_short = "find out on which side MSI-X is missing";
      summary = fmt::format(
          "Find out on which side it is that {} has no message interrupts (MSI-X): whether the host "
          "prepared them, and a controller for them, or this guest does not use what there is.",
          disk.name);
  }
  return {
      in_short,
      summary,
      {{kGuest,
        "What the kernel was told, what it says, and which messages the device uses now: none, if the last command "
        "shows nothing. As root, vqscope doctor also reads how many the device has.",
        fmt::format("grep -o 'pci=[^ ]*' /proc/cmdline\n"
                    "dmesg | grep -iE 'msi|vector'\n"
                    "grep -s . /sys/bus/pci/devices/{}/msi_irqs/*",
                    disk.bus_id)},
       {kGuest,
        fmt::format(
            "If pci=nomsi, or nomsi in a list such as pci=noaer,nomsi, is on the kernel command line: take nomsi, "
            "and nothing else, out of the file that has it (with grubby, WORD of --remove-args=WORD is the whole "
            "pci=..., and --args=REST what of a list has to stay). {}",
            kAfterBootParameter),
        "",
        Caution{"Why it was set: another device may need it. Keep a copy of the file, and know how to edit an entry of "
                "the boot menu.",
                "This guest, while it reboots.", "Add it again: for one boot in the boot menu, then in the file.",
                "A device whose messages do not work is not usable until then; if it is the root disk's controller, "
                "the guest does not boot."}}}};
}

Instructions lift_guest_limit_and_use_msi(const Disk& disk, unsigned queues, bool host_is_told) {
  Instructions limit = lift_guest_limit(disk, queues, host_is_told), msi = use_msi(disk, WithoutMsi::kSwitchedOff);
  limit.in_short = "change two settings here, and reboot";
  limit.summary +=
      " " + msi.summary + " With one of the two alone all its queues share a wire, or it has no more of them.";
  std::move(msi.steps.begin(), msi.steps.end(), std::back_inserter(limit.steps));
  return limit;
}

Instructions deepen_lun(const Disk& disk) {
  const std::string path = fmt::format("/sys/block/{}/device/queue_depth", shell_name(disk));
  return {
      "",
      "First find out which it is: if throughput stays the same with fewer requests in flight, the storage is "
      "saturated, and more of them would only wait elsewhere. If it falls, let the disk hold more.",
      {{kGuest,
        "Twice as many, until the next boot. A number that is more than the driver takes is refused, or cut to what "
        "it takes: read it again afterwards.",
        fmt::format("cat {0}\necho {1} > {0}", path, 2 * disk.facts.queue_depth.value_or(0)),
        Caution{fmt::format("cat {}: what it is now. Write it down.", path), "Nothing.",
                fmt::format("echo the old value into {}, or reboot.", path),
                "No data. Other disks of the same adapter have a smaller share of what it can hold."}}}};
}

Instructions spread_interrupts(const Disk& disk) {
  std::string look;
  for (const InterruptLine& line : disk.interrupts)
    if (line.queue) look += fmt::format(" /proc/irq/{}/effective_affinity_list", line.irq);
  return {
      "",
      "Let each queue's interrupt go to a vCPU that the queue serves.",
      {{kGuest,
        "Look where they go, and whether vCPUs are offline or isolated (isolcpus=, irqaffinity=). virtio-blk, "
        "virtio-scsi and NVMe lines are spread by the kernel and refuse writes; they are on one vCPU if the others "
        "were offline or isolated when the driver started.",
        "grep ." + look + " /proc/cmdline /sys/devices/system/cpu/online"},
       {kGuest,
        "Bring the vCPUs online, or take the parameter away, and reboot. Lines of other drivers can be written to "
        "smp_affinity_list instead; then irqbalance has to leave them alone (IRQBALANCE_BANNED_CPULIST, --banirq).",
        "",
        Caution{"Why vCPUs are isolated: somebody may need them for other work. Do not unbind the driver in place of "
                "the reboot: that takes the disk away from under its file systems.",
                "This guest, while it reboots.", "Put the parameter, or the list, back.",
                "No data. Work that had the isolated vCPUs for itself has to share them."}}}};
}

Instructions match_queues(const Disk& disk) {
  const std::string path = queue_attribute(disk, "rq_affinity");
  return {
      "",
      "Let a request end where it began.",
      {{kGuest,
        "The vCPUs of each queue and the vCPU of its interrupt should be the same; they come apart when vCPUs were "
        "offline or isolated while the driver started. A reboot with all of them online mends it.",
        fmt::format("grep . /sys/block/{}/mq/*/cpu_list /proc/irq/*/effective_affinity_list", shell_name(disk))},
       {kGuest, "Until then the kernel can move completions to the submitting vCPU:", fmt::format("echo 2 > {}", path),
        Caution{fmt::format("cat {}: what it is now (1 is the usual).", path), "Nothing.",
                fmt::format("echo the old value into {}, or reboot.", path),
                "No data. The move costs an interrupt between vCPUs for each request."}}}};
}

// What goes with an elevator, which the kernel makes anew each time that one is chosen.
std::string check_elevator(const Disk& disk) {
  return fmt::format(
      "grep . {} {} {}/*: the one in brackets is the present one. Write the others down: with another elevator they "
      "begin at its own defaults.",
      queue_attribute(disk, "scheduler"), queue_attribute(disk, "nr_requests"), queue_attribute(disk, "iosched"));
}

std::string undo_elevator(const Disk& disk) {
  return fmt::format("echo {} > {}, and echo what nr_requests and the files of iosched had into them.",
                     disk.scheduler.empty() ? "the old one" : disk.scheduler, queue_attribute(disk, "scheduler"));
}

std::vector<Step> drop_elevator(const Disk& disk) {
  std::vector<Step> steps;
  const std::string path = queue_attribute(disk, "scheduler");
  const std::string rule = fmt::format("/etc/udev/rules.d/60-vqscope-{}-scheduler.rules", shell_name(disk));
  steps.push_back(
      {kGuest, "No elevator, until the next boot:", fmt::format("echo none > {}", path),
       Caution{check_elevator(disk), "Nothing; requests wait for a moment while it is changed.", undo_elevator(disk),
               "No data. Limits that the elevator enforces (bfq weights, ionice) no longer hold."}});
  // With noclobber a file of that name stays as it is, and the command fails.
  steps.push_back({kGuest, "And after it, if that helped:",
                   fmt::format("(set -C; echo 'ACTION==\"add|change\", KERNEL==\"{}\", "
                               "ATTR{{queue/scheduler}}=\"none\"' > {})",
                               disk.name, rule),
                   Caution{"That no other rule or service (tuned) sets the elevator: grep -r scheduler "
                           "/etc/udev/rules.d /usr/lib/udev/rules.d. The rule is for the name, which another disk may "
                           "have after a reboot.",
                           "Nothing.", fmt::format("rm {}", rule), "No data."}});
  return steps;
}

Instructions spare_elevator_lock(const Disk& disk) {
  Instructions result;
  result.summary =
      "Switch the elevator off, or take kyber, which has a lock for each queue. One of the two, and measure before and "
      "after it.";
  result.steps = drop_elevator(disk);
  const std::string path = queue_attribute(disk, "scheduler");
  result.steps.push_back(
      {kGuest,
       "Or kyber, which still lets reads go before writes, until the next boot:", fmt::format("echo kyber > {}", path),
       Caution{
           check_elevator(disk) +
               " Where kyber is not among them, modprobe kyber-iosched adds it if this kernel has it; a kernel without "
               "refuses the name.",
           "Nothing; requests wait for a moment while it is changed.", undo_elevator(disk),
           "No data. Limits that the elevator enforces (bfq weights, ionice) no longer hold, and kyber holds requests "
           "back to keep its own targets (iosched/read_lat_nsec)."}});
  return result;
}

Instructions guest_queueing(const Disk& disk) {
  Instructions result;
  result.summary = "Find out what holds the requests back, one thing at a time, and measure each time.";
  if (!disk.scheduler.empty() && disk.scheduler != "none" && !is_zoned(disk)) result.steps = drop_elevator(disk);
  result.steps.push_back({kGuest, "Where they are while they wait: in the elevator, or in a queue's dispatch list.",
                          fmt::format("grep -c . /sys/kernel/debug/block/{0}/sched/*_list "
                                      "/sys/kernel/debug/block/{0}/hctx*/dispatch",
                                      shell_name(disk))});
  return result;
}

Instructions move_submitter() {
  return {
      "",
      "Let the process run on the vCPU that takes the disk's interrupts (the evidence names it), and measure before "
      "and after.",
      {{kGuest, "For a try, with all its threads; for good: CPUAffinity= in the unit of a service.",
        "taskset -acp VCPU PID",
        Caution{"taskset -acp PID: where it may run now. Write that down.", "Nothing.",
                "The same command with the list that was written down in place of the number.",
                "No data. That vCPU does both kinds of work from then on, so other work there has less of it."}}}};
}

}  // namespace vqscope
