// SPDX-License-Identifier: Apache-2.0
// What this binary was built from. Pure, thread-safe.
#pragma once

#include <string>

namespace vqscope {

// What `--version` prints, several lines: version, revision (git's abbreviated commit, "-dirty" after it if the sources
// were changed; "unknown" where no git was), compiler, and the versions of the libraries that matter for a report of a
// bug: as linked where they can be asked, else as compiled against.
std::string describe_build();

}  // namespace vqscope
