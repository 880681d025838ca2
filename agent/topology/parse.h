// SPDX-License-Identifier: Apache-2.0
// Parsers of procfs and sysfs text. They take text and touch no files; what is malformed is an error that names
// the line and quotes it, never a guess. All functions are pure and thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace vqscope {

// "0-3,8" or "0, 1, 2": CPU list of sysfs (Documentation/admin-guide/cputopology.rst) and of mq/N/cpu_list. Empty
// text is an empty list. CPU numbers above 65535 and ranges that run backwards are errors.
Result<std::vector<std::uint32_t>> parse_cpu_list(std::string_view text);

// sysfs gives no more of a text than a page, its end left out: what does not end in a newline is not whole.
bool is_cut(std::string_view attribute);

// /sys/block/DISK/mq/N/cpu_list: as parse_cpu_list(). A list that is as long as a page may lack CPUs, and is an error.
Result<std::vector<std::uint32_t>> parse_queue_cpus(std::string_view text);

// "12,0,7": /sys/kernel/irq/N/per_cpu_count, one number for each possible CPU, in the order of `possible`; by CPU
// number. Text that is cut or has another number of numbers is an error.
Result<std::vector<std::uint64_t>> parse_per_cpu_count(std::string_view text,
                                                       const std::vector<std::uint32_t>& possible);

// "a, b": /sys/kernel/irq/N/actions, the names of the handlers on the line.
std::vector<std::string> parse_irq_actions(std::string_view text);

// What /proc/diskstats says of a disk (Documentation/admin-guide/iostats.rst).
struct DiskStats {
  std::uint64_t in_flight = 0;         // field 9: requests started and not completed
  std::uint64_t time_in_queue_ms = 0;  // field 11: iostat's aqu-sz is its rate

  friend bool operator==(const DiskStats&, const DiskStats&) = default;
};

// /proc/diskstats by device name.
Result<std::map<std::string, DiskStats>> parse_diskstats(std::string_view text);

// A disk's name in sysfs has '!' where that of the kernel, in /proc/diskstats and in /dev, has '/'.
std::string kernel_name(std::string_view sysfs_name);
std::string sysfs_name(std::string_view kernel_name);

// "nvme0n1" of "nvme0c1n1": the disk that a path of NVMe's own multipathing leads to, through controller 1
// (nvme_mpath_set_disk_name() in Linux). nullopt: it is the name of no such path.
std::optional<std::string> head_of_nvme_path(std::string_view name);

// The choice in brackets of "none [mq-deadline] kyber"; the whole text if nothing is in brackets.
std::string parse_choice(std::string_view text);

}  // namespace vqscope
