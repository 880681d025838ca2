// SPDX-License-Identifier: Apache-2.0
#include "agent/source/required_probes.h"

#include <fmt/format.h>

#include <algorithm>

namespace vqscope {

Result<void> check_required(const std::vector<std::string>& required, const std::vector<ProbeStatus>& probes,
                            const std::string& place) {
  for (const std::string& name : required) {
    const auto probe = std::ranges::find(probes, name, &ProbeStatus::name);
    if (probe == probes.end())
      return fail(fmt::format("the {} probe is required, and there is none of that name in {}", name, place));
    if (!probe->up) return fail(fmt::format("the {} probe is required, and off in {}: {}", name, place, probe->reason));
  }
  return {};
}

}  // namespace vqscope
