// SPDX-License-Identifier: Apache-2.0
// What the page is told once, and again when it changes: the machine, its disks, and what was found. Pure and
// thread-safe.
#pragma once

#include <span>
#include <string>

#include "agent/diagnosis/finding.h"
#include "agent/model/reading.h"

namespace vqscope {

// One JSON object; README.md has its keys. `host`: the name of this machine.
std::string machine_json(const Reading& reading, const std::string& host);

// A JSON array: each with its evidence, and the remedy for the platforms that the machine may run on.
std::string findings_json(std::span<const Finding> findings, const Topology& topology);

// The same with the evidence only.
std::string evidence_json(std::span<const Finding> findings);

}  // namespace vqscope
