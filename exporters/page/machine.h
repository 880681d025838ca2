// SPDX-License-Identifier: Apache-2.0
// What the page is told once, and again when it changes: the machine, its disks, and what was found. Pure and
// thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "agent/diagnosis/finding.h"
#include "agent/model/reading.h"

namespace vqscope {

// What the page shows of a recording, in nanoseconds since 1970.
struct ShownRecording {
  std::string note;  // by the user
  std::uint64_t begin_ns = 0, end_ns = 0;
  std::uint64_t goes_on_until_ns = 0;  // what was asked for, of which the page had room for the beginning
};

// One JSON object; README.md has its keys. `host`: the name of this machine.
std::string machine_json(const Reading& reading, const std::string& host);

// One JSON object.
std::string recording_json(const ShownRecording& recording);

// A JSON array: each with its evidence, and the remedy for the platforms that the machine may run on.
std::string findings_json(std::span<const Finding> findings, const Topology& topology);

// The same with the evidence only.
std::string evidence_json(std::span<const Finding> findings);

}  // namespace vqscope
