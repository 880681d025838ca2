// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <memory>
#include <utility>

#include "agent/source/source.h"

namespace vqscope {

namespace {

// The socket that the documents propose, and the default port.
constexpr std::array kUsualAgents = {"unix:/run/vqscope/agent.sock", "http://127.0.0.1:10177"};
// No network is between, so that one which takes longer is stopped, or as good as that.
constexpr long kPatienceMs = 1000;

}  // namespace

std::unique_ptr<Source> find_local_agent(const MeasureOptions& options, int give_up) {
  const SystemPaths usual;
  if (options.paths.procfs != usual.procfs || options.paths.sysfs != usual.sysfs) return nullptr;
  for (const char* url : kUsualAgents) {
    AgentAddress agent;
    agent.url = url;
    agent.patience_ms = kPatienceMs;
    agent.give_up = give_up;
    auto disks = select_disks(options, agent);
    if (!disks) continue;
    auto source = open_agent(options, agent, std::move(*disks));
    if (!source) continue;
    const auto first = read_one(**source);
    if (first && !first->reading.topology.disks.empty()) return std::move(*source);
  }
  return nullptr;
}

}  // namespace vqscope
