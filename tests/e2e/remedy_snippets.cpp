// SPDX-License-Identifier: Apache-2.0
// Prints all that remedies tell people to copy, as JSON, for remedies_test.py to give to the real tools.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/diagnosis/remedies.h"
#include "tests/unit/disk_kinds.h"

int main() {
  using namespace vqscope;
  nlohmann::json snippets = nlohmann::json::array();
  for (const auto& [kind, topology] : test::disks_of_every_kind())
    for (int remedy = static_cast<int>(Remedy::kMoreQueues); remedy <= static_cast<int>(Remedy::kIndirectDescriptors);
         ++remedy)
      for (const Platform platform : kPlatforms)
        for (const Step& step :
             instructions_for(static_cast<Remedy>(remedy), &topology.disks[0], topology, {platform}).steps)
          if (!step.snippet.empty())
            snippets.push_back({{"disk", kind},
                                {"remedy", remedy},
                                {"platform", name_of(platform)},
                                {"where", step.where},
                                {"snippet", step.snippet},
                                {"changes", step.caution.has_value()}});
  std::puts(snippets.dump().c_str());
  return 0;
}
