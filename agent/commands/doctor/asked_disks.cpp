// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/doctor/asked_disks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace vqscope {

Result<void> check_asked(const Topology& topology, const MeasureOptions& asked) {
  if (!topology.disks.empty()) return {};
  if (!asked.devices.empty())
    return fail(fmt::format("{} cannot be measured: it has no size, or went away", fmt::join(asked.devices, ", ")));
  if (!asked.device_include.empty())
    return fail(fmt::format("no disk matches --device-include='{}'", asked.device_include));
  if (!asked.device_exclude.empty())
    return fail(fmt::format("--device-exclude='{}' leaves no disk", asked.device_exclude));
  return fail("there is no disk to look at (loop, ram and zram devices are left out unless --device names them)");
}

}  // namespace vqscope
