// SPDX-License-Identifier: Apache-2.0
// What to do about a finding, exactly, on the user's own hypervisor. Pure and thread-safe.
//
// The rule for every step, which tests/unit/remedies_test.cpp holds: a snippet changes one thing, the one that the
// finding needs. It states nothing that this guest cannot know (format, path, cache mode, size, boot order, machine
// type) and replaces nothing that somebody has set: for that it has placeholders in capitals, such as PRESENT-OPTIONS,
// which the tool that it is meant for refuses when they are pasted unread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/diagnosis/finding.h"
#include "agent/diagnosis/platform.h"

namespace vqscope {

// What to know before a change; each is a sentence or two.
struct Caution {
  std::string check_first;  // what to look at, and what to write down
  std::string interrupts;   // what stands still meanwhile
  std::string undo;         // how to go back
  std::string risk;         // what is lost if it goes wrong
};

struct Step {
  std::string where;                    // who does it: "In this guest", "QEMU", "Proxmox VE, as a SCSI disk"
  std::string text;                     // one paragraph
  std::string snippet;                  // lines to copy, without a newline at the end; may be empty
  std::optional<Caution> caution = {};  // absent: nothing is changed by it
};

struct Instructions {
  std::string in_short;  // a few words, such as "switch the elevator off"; never empty
  std::string summary;   // one paragraph
  std::vector<Step> steps;
  bool helps = true;  // false: nothing that is known of can be changed, and the texts say so
};

// For one disk; for what concerns the whole guest, `disk` is null. A platform that cannot do it says so.
Instructions instructions_for(Remedy remedy, const Disk* disk, const Topology& topology,
                              const std::vector<Platform>& platforms);

// Whether one of the platforms that the guest may run on, or the one that was asked for, has a setting that gives the
// disk more queues.
bool queues_can_be_set(const DiskEvidence& evidence);

}  // namespace vqscope
