// SPDX-License-Identifier: Apache-2.0
// The paths from a request to the locks that it takes, as offsets in the running kernel's structures.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/base/result.h"
#include "agent/topology/topology.h"
#include "bpf/records.h"

struct btf;

namespace vqscope {

// The type information of a module that is loaded, over that of the kernel; null if there is none.
using ModuleTypes = std::function<const btf*(const char* module)>;

// The path to a disk's lock of one kind; nullopt: the disk has none, or none of which we know. An error says what the
// kernel's structures lack, or have otherwise: `kernel` and the modules' types decide alone, nothing is assumed.
Result<std::optional<vqs_lock_path>> find_lock_path(const Disk& disk, vqs_lock_kind kind, const btf* kernel,
                                                    const ModuleTypes& module);

}  // namespace vqscope
