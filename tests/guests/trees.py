# SPDX-License-Identifier: Apache-2.0
"""Saves what the agent reads of a guest's sysfs and procfs, in the format of tests/fixtures (see tests/unit/guest.h).

Kernels' and machines' numbers only: there is nothing in a lab guest that would have to be made anonymous.
"""

import os

# The files of scan_topology() and detect_hypervisor() in the agent, as patterns of the shell.
FILES = """/sys/devices/system/cpu/online /sys/devices/system/cpu/possible /sys/class/dmi/id/sys_vendor
/sys/class/dmi/id/product_name /sys/class/dmi/id/bios_vendor /sys/class/dmi/id/chassis_vendor
/sys/class/scsi_host/host*/proc_name /sys/kernel/irq/*/actions /sys/kernel/irq/*/hwirq
/sys/kernel/irq/*/chip_name /sys/kernel/irq/*/type /sys/kernel/irq/*/per_cpu_count"""
OF_DISK = "size queue/scheduler queue/nr_requests mq/*/cpu_list mq/*/nr_tags"
OF_PCI = "class irq msi_irqs/* ata*/ata_port/ata*/port_no subsystem_vendor subsystem_device"

SCRIPT = f"""
show() {{
  for file in "$@"; do
    [ -f "$file" ] && printf '%s\\t%s\\n' "${{file#/}}" "$(cat $file 2> /dev/null | tr -d '\\n')"
  done
}}
link() {{ [ -L "$1" ] && echo "${{1#/}} -> $(readlink $1)"; }}
show {' '.join(FILES.split())}
for disk in /sys/block/*; do
  real=$(readlink -f $disk)
  [ -e $real/mq ] || continue
  link $disk
  link $real/device
  cd $real && show $(for pattern in {OF_DISK}; do ls -d $real/$pattern; done)
  directory=$real
  while directory=$(dirname $directory); [ $directory != /sys/devices ]; do
    link $directory/driver
    [ -e $directory/class ] && [ -e $directory/vendor ] &&
      show $(for pattern in {OF_PCI}; do ls -d $directory/$pattern 2> /dev/null; done)
  done
done
true
"""


def save(lab, title, path):
    lines = dict.fromkeys(line for line in lab.guest.run(SCRIPT).splitlines() if "\t" in line or " -> " in line)
    # An interrupt that nobody handles tells nothing.
    idle = {os.path.dirname(line.split("\t")[0]) for line in lines if line.endswith("/actions\t")}
    kept = [line for line in lines if os.path.dirname(line.split("\t")[0]) not in idle]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# {title}\n# Format: tests/unit/guest.h\n" + "\n".join(sorted(kept)) + "\n")
