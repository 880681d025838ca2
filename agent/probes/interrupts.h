// SPDX-License-Identifier: Apache-2.0
// Reads interrupts as the programs counted them, and compares them with the kernel's own counts.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "agent/model/histogram.h"
#include "agent/probes/arrays.h"
#include "agent/probes/layout.h"
#include "agent/topology/scan.h"

namespace vqscope {

// Interrupts by CPU that the programs counted on a line whose index in Arrays::vectors this is.
std::vector<std::uint64_t> counted_interrupts(const Arrays& arrays, std::uint32_t irq, std::uint32_t vector);

// Times in the handler of a line, those that were gathered last included.
Histogram handler_times(const vqs_irq& line, const vqs_vector& vector);

// Finds interrupts that the kernel counted and did not run the programs for. Not thread-safe.
class InterruptAudit {
 public:
  // How many more than at the last call are known to be missing; of a line that is new it only takes note. What comes
  // while it looks is given the benefit of the doubt, and what is missing is told when two calls in a row find it: an
  // interrupt that has been counted by the kernel may have yet to reach the programs.
  std::uint64_t find_missed(const SystemPaths& paths, const Topology& topology, const Arrays& arrays,
                            const Layout& layout);

 private:
  struct Line {
    std::uint32_t vector = 0;
    std::uint64_t kernel = 0, counted = 0;            // when it was new
    std::uint64_t last_kernel = 0, last_counted = 0;  // at the last call
    std::uint64_t missing = 0, told = 0;              // since it was new: at the last call, and in all answers
  };
  std::map<std::uint32_t, Line> lines_;  // by interrupt
};

}  // namespace vqscope
