// SPDX-License-Identifier: Apache-2.0
#include "agent/view/json.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "agent/diagnosis/remedies.h"

namespace vqscope {

using Json = nlohmann::ordered_json;

Json time_json(const RequestTime& time) {
  Json object = {{"requests", time.requests}, {"seconds", time.total()}};
  const auto put = [&object](const char* key, const std::optional<double>& seconds) {
    if (seconds) object[key] = *seconds;
  };
  put("before_issue_seconds", time.before_issue);
  put("at_device_seconds", time.at_device);
  put("at_host_seconds", time.at_host);
  put("completion_seconds", time.completion);
  put("completion_local_seconds", time.completion_local);
  put("completion_cross_cpu_seconds", time.completion_cross);
  put("lock_wait_seconds", time.lock_waits);
  return object;
}

Json finding_json(const Finding& finding, Severity severity, const Disk* disk, const Topology& topology,
                  const std::vector<Platform>& platforms) {
  Json numbers = Json::object();
  for (const auto& [key, value] : finding.found.numbers) numbers[key] = value;
  const Instructions instructions = instructions_for(finding.found.remedy, disk, topology, platforms);
  Json steps = Json::array();
  for (const Step& step : instructions.steps) {
    Json& entry = steps.emplace_back(Json{{"where", step.where}, {"text", step.text}, {"snippet", step.snippet}});
    if (!step.caution) continue;
    entry["check_first"] = step.caution->check_first;
    entry["interrupts"] = step.caution->interrupts;
    entry["undo"] = step.caution->undo;
    entry["risk"] = step.caution->risk;
  }
  return {{"finding", finding.kind->id},
          {"severity", name_of(severity)},
          {"device", finding.device},
          {"title", finding.kind->title},
          {"evidence", finding.found.evidence},
          {"numbers", std::move(numbers)},
          {"explanation", finding.kind->explanation},
          {"remedy", {{"summary", instructions.summary}, {"steps", std::move(steps)}}}};
}

}  // namespace vqscope
