// SPDX-License-Identifier: Apache-2.0
#include "agent/source/required_probes.h"

#include <fmt/format.h>

#include <algorithm>

namespace vqscope {

Result<void> check_required(const std::vector<std::string>& required, const std::vector<ProbeStatus>& probes) {
  for (const std::string& name : required) {
    const auto probe = std::ranges::find(probes, name, &ProbeStatus::name);
    if (probe == probes.end())
      return fail(fmt::format("the {} probe is required, and the agent at --url has none of that name", name));
    if (!probe->up)
      return fail(fmt::format("the {} probe is required, and off in the agent at --url: {}", name, probe->reason));
  }
  return {};
}

}  // namespace vqscope
