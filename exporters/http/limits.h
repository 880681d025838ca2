// SPDX-License-Identifier: Apache-2.0
// How many connections the server may hold open, so that the rest of the process always has descriptors.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vqscope {

// Raises the process's soft limit of descriptors to the hard one; what cannot be raised stays as it is.
void raise_descriptor_limit();

// The soft limit in force.
std::uint64_t descriptor_limit();

// Connections of each of `listeners`, in a process that may have `descriptors`. At least one.
unsigned connections_per_listener(std::uint64_t descriptors, std::size_t listeners);

}  // namespace vqscope
