// SPDX-License-Identifier: Apache-2.0
// The verdict on one disk and its figures. Pure, thread-safe.
#pragma once

#include "agent/comparison/report.h"

namespace vqscope {

// Of a disk that is of these sides. Bursts of one of them are left out, and told of.
DeviceReport compare_devices(const DeviceSeries& before, const Series& side_before, const DeviceSeries& after,
                             const Series& side_after, double min_effect);

}  // namespace vqscope
