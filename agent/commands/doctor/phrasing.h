// SPDX-License-Identifier: Apache-2.0
// Sentences about a disk that the report has in more than one format. Pure and thread-safe.
#pragma once

#include <string>
#include <vector>

#include "agent/commands/doctor/report.h"

namespace vqscope {

// "Watched 1 disk for 10 s in a guest with 2 online vCPUs. vCPU 1 was busy for 98 % of the time."
std::string window_sentence(const Report& report);

// Where, when and with what it was measured, a line each: "Host: db1, Linux 6.12.1 (x86_64)"; none if not known.
std::vector<std::string> origin_of(const Report& report);

// How it was set up: "1 queue for 2 online vCPUs, 2 MSI-X vectors"
std::string setup_of(const Disk& disk, const Topology& topology);

// What it did: a line each for the load and for each kind of operation that was seen; none where nothing was.
std::vector<std::string> load_of(const Measured& measured);

// "vda: All requests squeeze ...", "guest: The host does not run the vCPUs"
std::string title_of(const Finding& finding);

// "0-3,6": as fio and the kernel take it.
std::string ranges(const std::vector<std::uint32_t>& cpus);

}  // namespace vqscope
