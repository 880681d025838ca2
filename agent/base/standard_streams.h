// SPDX-License-Identifier: Apache-2.0
// Standard input, output and error may be closed, full, or a pipe that nobody reads any more.
#pragma once

#include <string_view>

#include "agent/base/result.h"

namespace vqscope {

// Makes descriptors 0 to 2 fail like closed ones where they are closed, so that no file or socket that is opened later
// gets their numbers, and with those what is meant for a terminal. And makes writing to a pipe without a reader an
// error instead of the end of the process. To be called first.
void secure_standard_streams();

// Writes to standard error. What cannot be written is dropped: there is nobody else to tell.
void tell(std::string_view text);

// Writes all of it to standard output, or says why that cannot be.
Result<void> print(std::string_view text);

// "vqscope: MESSAGE" as a line of its own.
void complain(std::string_view message);

}  // namespace vqscope
