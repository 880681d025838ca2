// SPDX-License-Identifier: Apache-2.0
// Readings of guests that never were, for tests of recordings.
#pragma once

#include <random>

#include "agent/model/reading.h"

namespace vqscope::test {

// vda with `queues` virtio-blk queues, everything measured, nothing counted yet. By default as many vCPUs.
Reading quiet_reading(unsigned queues, unsigned cpus = 0);

// Lets every kind of number of a reading move by random steps, and a second pass.
void stir(Reading& reading, std::mt19937_64& random);

}  // namespace vqscope::test
