// SPDX-License-Identifier: Apache-2.0
// Text in lines of a given width, and the picture of a disk. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "agent/diagnosis/diagnosis.h"

namespace vqscope {

// The words of `text` in lines of at most `width` characters, the first after `first` and the others after `indent`;
// each ends with a newline. A word that is longer than a line has one of its own.
std::string wrap(std::string_view text, std::size_t width, std::string_view first, std::string_view indent);

// Each line of `text` after `indent`, and a newline at the end.
std::string indent_lines(std::string_view text, std::string_view indent);

// Who submits to which queue, and on which vCPU its interrupts land: one row for each queue, one column for each vCPU,
// in per cent of the disk's requests and interrupts. What does not fit into `width` is put together: quiet vCPUs under
// "others", quiet queues in a line below.
std::string picture(const DiskDiagnosis& disk, std::size_t width);

}  // namespace vqscope
