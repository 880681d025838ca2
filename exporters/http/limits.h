// SPDX-License-Identifier: Apache-2.0
// How many connections the server may hold open, so that the rest of the process always has descriptors.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vqscope {

// Raises the process's soft limit of descriptors to the hard one; what cannot be raised stays as it is.
void raise_descriptor_limit();

// With fewer there is hardly one for a connection beside those that measuring takes.
inline constexpr std::uint64_t kFewestDescriptors = 128;

// The soft limit in force.
std::uint64_t descriptor_limit();

// Connections of all listeners together, in a process that may have `descriptors`. At least two.
std::size_t most_connections(std::uint64_t descriptors);

}  // namespace vqscope
